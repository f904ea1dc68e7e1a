/** Messages and a saved session as the kernel makes them. Written by `python -m tests.protocol`. */
import type { Request } from '../requests';
import type { IStep } from '../steps';

type Json = Readonly<Record<string, unknown>>;

/** Step records, each under what it shows. */
export const STEPS: Readonly<Record<string, Json>> = {
  thinking: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-1',
    number: 1,
    status: 'thinking',
    ok: null,
    ended: null,
    thought: '',
    reasoning: '',
    code: '',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: [],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  streaming: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-1',
    number: 1,
    status: 'thinking',
    ok: null,
    ended: null,
    thought: 'I lo',
    reasoning: 'H',
    code: '',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: [],
    notes: ['again'],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'pending turn 1': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-1',
    number: 1,
    status: 'pending',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'decided turn 1': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-1',
    number: 1,
    status: 'running',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: 'x = 2',
    why: 'writes a.csv',
    decision: 'edit',
    by: 'user',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  ok: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-1',
    number: 1,
    status: 'done',
    ok: true,
    ended: 'ok',
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: 'x = 2',
    why: 'writes a.csv',
    decision: 'edit',
    by: 'user',
    reason: '',
    footer: 'step 1 \u00b7 edited \u00b7 ran 0.1 s \u00b7 model 1.5 s \u00b7 about 812 tokens in (700 cached), 45 out, $0.0021',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 0.0, run: 0.1 }
  },
  'pending turn 2': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-2',
    number: 2,
    status: 'pending',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'decided turn 2': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-2',
    number: 2,
    status: 'running',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'approve',
    by: 'user',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  error: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-2',
    number: 2,
    status: 'done',
    ok: false,
    ended: 'error',
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'approve',
    by: 'user',
    reason: '',
    footer: 'step 2 \u00b7 approved \u00b7 error \u00b7 ran 0.0 s \u00b7 model 1.5 s \u00b7 about 812 tokens in (700 cached), 45 out, $0.0021',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 2.0, run: 0.0 }
  },
  'pending turn 3': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-3',
    number: 3,
    status: 'pending',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'decided turn 3': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-3',
    number: 3,
    status: 'stopped',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'stop',
    by: 'user',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  interrupted: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-3',
    number: 3,
    status: 'done',
    ok: false,
    ended: 'interrupted',
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'approve',
    by: 'user',
    reason: '',
    footer: 'step 3 \u00b7 approved \u00b7 interrupted \u00b7 ran 0.0 s \u00b7 Stopped \u00b7 model 1.5 s \u00b7 about 812 tokens in (700 cached), 45 out, $0.0021',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 2.0, run: 0.0 }
  },
  'pending turn 4': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-4',
    number: 4,
    status: 'pending',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'decided turn 4': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-4',
    number: 4,
    status: 'rejected',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'reject',
    by: 'user',
    reason: 'no',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  rejected: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-4',
    number: 4,
    status: 'rejected',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'reject',
    by: 'user',
    reason: 'no',
    footer: 'step 4 \u00b7 rejected: no \u00b7 model 1.5 s \u00b7 about 812 tokens in (700 cached), 45 out, $0.0021',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 0.0, run: 0.0 }
  },
  skipped: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-5',
    number: 5,
    status: 'skipped',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: 'step 5 \u00b7 not run: the same code again \u00b7 model 1.5 s \u00b7 about 812 tokens in (700 cached), 45 out, $0.0021',
    findings: [],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 0.0, run: 0.0 }
  },
  stopped: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-6',
    number: 6,
    status: 'stopped',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: [],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  answer: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'turn',
    model: 'm',
    id: '020202020202-7',
    number: 7,
    status: 'answer',
    ok: null,
    ended: null,
    thought: 'Done.',
    reasoning: '',
    code: '',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: [],
    notes: [],
    usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
    seconds: { model: 1.5, decision: 0.0, run: 0.0 }
  },
  replay: {
    version: 1,
    thread: 'replay of Look',
    turn: 1,
    of: 'replay',
    model: '',
    title: 'action 1',
    id: '030303030303-1',
    number: 1,
    status: 'running',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: '',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: [],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'pending consent 1': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'consent',
    model: '',
    title: 'the session',
    id: '040404040404-1',
    number: 1,
    status: 'pending',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: '',
    by: '',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  'decided consent 1': {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'consent',
    model: '',
    title: 'the session',
    id: '040404040404-1',
    number: 1,
    status: 'running',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'approve',
    by: 'user',
    reason: '',
    footer: '',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 0.0, run: 0.0 }
  },
  consent: {
    version: 1,
    thread: 'main',
    turn: 1,
    of: 'consent',
    model: '',
    title: 'the session',
    id: '040404040404-1',
    number: 1,
    status: 'skipped',
    ok: null,
    ended: null,
    thought: 'I look.',
    reasoning: 'Hm.',
    code: 'x = 1',
    ran: '',
    why: 'writes a.csv',
    decision: 'approve',
    by: 'user',
    reason: '',
    footer: 'the session \u00b7 approved',
    findings: ['writes a.csv'],
    notes: [],
    usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
    seconds: { model: 0.0, decision: 2.0, run: 0.0 }
  }
};

/** Requests, each with the kernel's reply. */
export const REQUESTS: readonly (readonly [Request, Json])[] = [
  [
    { op: 'stop' },
    { status: 'error', reason: 'idle', error: 'The agent is not at work.' }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      quiet: true
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "here", "call": "0101010101010101"}',
      proof: '65b63fe423c975b7897a2a0b422afa8629cd6971f470692824fb460d0fd33af3'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "admit", "page": "page0002", "code": "0000"}',
      proof: 'a5814c3bf8d2d83633624c7229fbfe00ff8c8c5b901a29a675028461c729b81b'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "bye", "page": "page0002"}',
      proof: '37005a9d1513669191f36240c439bd3192703b86239320871749f081c5b57d33'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "say", "text": "a remark"}',
      proof: 'ed8c015cc600306631041220bbfaf5e68b04302b780b18e1dd3f218c3425ca5c'
    },
    { status: 'ok' }
  ],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 6,
      agent: 'waiting',
      seconds: 0.0,
      pending: {
        version: 1,
        thread: 'main',
        turn: 1,
        of: 'turn',
        model: 'm',
        id: '020202020202-1',
        number: 1,
        status: 'pending',
        ok: null,
        ended: null,
        thought: 'I look.',
        reasoning: 'Hm.',
        code: 'x = 1',
        ran: '',
        why: 'writes a.csv',
        decision: '',
        by: '',
        reason: '',
        footer: '',
        findings: ['writes a.csv'],
        notes: [],
        usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
        seconds: { model: 0.0, decision: 0.0, run: 0.0 }
      },
      turn: {
        thread: 'main',
        turn: 1,
        prompt: 'Look',
        step: 1,
        max_steps: 1,
        seconds: 0.0
      },
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'open',
              note: '',
              steps: [
                {
                  id: '020202020202-1',
                  number: 1,
                  status: 'pending',
                  ok: null,
                  label: 'I look.'
                }
              ]
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      id: '020202020202-1'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 2", "all": false, "id": "020202020202-1"}',
      proof: '4735c93ce339a884ce6322164079269727034d9b352c42ac76e34c6252756037'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 2", "all": false, "id": "020202020202-1"}',
      proof: '4735c93ce339a884ce6322164079269727034d9b352c42ac76e34c6252756037'
    },
    {
      status: 'error',
      reason: 'late',
      error: 'This step has been decided already.'
    }
  ],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 15,
      agent: 'waiting',
      seconds: 0.0,
      pending: {
        version: 1,
        thread: 'main',
        turn: 1,
        of: 'turn',
        model: 'm',
        id: '020202020202-2',
        number: 2,
        status: 'pending',
        ok: null,
        ended: null,
        thought: 'I look.',
        reasoning: 'Hm.',
        code: 'x = 1',
        ran: '',
        why: 'writes a.csv',
        decision: '',
        by: '',
        reason: '',
        footer: '',
        findings: ['writes a.csv'],
        notes: [],
        usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
        seconds: { model: 0.0, decision: 0.0, run: 0.0 }
      },
      turn: {
        thread: 'main',
        turn: 1,
        prompt: 'Look',
        step: 2,
        max_steps: 1,
        usage: { prompt: 812, cached: 700, completion: 45, estimated: true, cost: 0.0021 },
        seconds: 0.0
      },
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'open',
              note: '',
              steps: [
                {
                  id: '020202020202-1',
                  number: 1,
                  status: 'done',
                  ok: true,
                  label: 'I look.'
                },
                {
                  id: '020202020202-2',
                  number: 2,
                  status: 'pending',
                  ok: null,
                  label: 'I look.'
                }
              ]
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      id: '020202020202-2'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 1", "all": true, "id": "020202020202-2"}',
      proof: '8eb197ffe6e0ba5bd289058c194be11ebd05376f7017e6c3f4b2b4156814dce5'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 1", "all": true, "id": "020202020202-2"}',
      proof: '8eb197ffe6e0ba5bd289058c194be11ebd05376f7017e6c3f4b2b4156814dce5'
    },
    {
      status: 'error',
      reason: 'late',
      error: 'This step has been decided already.'
    }
  ],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 24,
      agent: 'waiting',
      seconds: 0.0,
      pending: {
        version: 1,
        thread: 'main',
        turn: 1,
        of: 'turn',
        model: 'm',
        id: '020202020202-3',
        number: 3,
        status: 'pending',
        ok: null,
        ended: null,
        thought: 'I look.',
        reasoning: 'Hm.',
        code: 'x = 1',
        ran: '',
        why: 'writes a.csv',
        decision: '',
        by: '',
        reason: '',
        footer: '',
        findings: ['writes a.csv'],
        notes: [],
        usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
        seconds: { model: 0.0, decision: 0.0, run: 0.0 }
      },
      turn: {
        thread: 'main',
        turn: 1,
        prompt: 'Look',
        step: 3,
        max_steps: 1,
        usage: {
          prompt: 1624,
          cached: 1400,
          completion: 90,
          estimated: true,
          cost: 0.0042
        },
        seconds: 0.0
      },
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'open',
              note: '',
              steps: [
                {
                  id: '020202020202-1',
                  number: 1,
                  status: 'done',
                  ok: true,
                  label: 'I look.'
                },
                {
                  id: '020202020202-2',
                  number: 2,
                  status: 'done',
                  ok: false,
                  label: 'I look.'
                },
                {
                  id: '020202020202-3',
                  number: 3,
                  status: 'pending',
                  ok: null,
                  label: 'I look.'
                }
              ]
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      id: '020202020202-3'
    },
    { status: 'ok' }
  ],
  [{ op: 'stop' }, { status: 'ok' }],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 33,
      agent: 'waiting',
      seconds: 0.0,
      pending: {
        version: 1,
        thread: 'main',
        turn: 1,
        of: 'turn',
        model: 'm',
        id: '020202020202-4',
        number: 4,
        status: 'pending',
        ok: null,
        ended: null,
        thought: 'I look.',
        reasoning: 'Hm.',
        code: 'x = 1',
        ran: '',
        why: 'writes a.csv',
        decision: '',
        by: '',
        reason: '',
        footer: '',
        findings: ['writes a.csv'],
        notes: [],
        usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
        seconds: { model: 0.0, decision: 0.0, run: 0.0 }
      },
      turn: {
        thread: 'main',
        turn: 1,
        prompt: 'Look',
        step: 4,
        max_steps: 1,
        usage: {
          prompt: 2436,
          cached: 2100,
          completion: 135,
          estimated: true,
          cost: 0.0063
        },
        seconds: 0.0
      },
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'open',
              note: '',
              steps: [
                {
                  id: '020202020202-1',
                  number: 1,
                  status: 'done',
                  ok: true,
                  label: 'I look.'
                },
                {
                  id: '020202020202-2',
                  number: 2,
                  status: 'done',
                  ok: false,
                  label: 'I look.'
                },
                {
                  id: '020202020202-3',
                  number: 3,
                  status: 'done',
                  ok: false,
                  label: 'I look.'
                },
                {
                  id: '020202020202-4',
                  number: 4,
                  status: 'pending',
                  ok: null,
                  label: 'I look.'
                }
              ]
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      id: '020202020202-4'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "reject", "reason": "no", "id": "020202020202-4"}',
      proof: '116da81b625a5396959ef324540da98fe771510198607f34552f7070143a6840'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "reject", "reason": "no", "id": "020202020202-4"}',
      proof: '116da81b625a5396959ef324540da98fe771510198607f34552f7070143a6840'
    },
    {
      status: 'error',
      reason: 'late',
      error: 'This step has been decided already.'
    }
  ],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 61,
      agent: 'waiting',
      seconds: 0.0,
      pending: {
        version: 1,
        thread: 'main',
        turn: 1,
        of: 'consent',
        model: '',
        title: 'the session',
        id: '040404040404-1',
        number: 1,
        status: 'pending',
        ok: null,
        ended: null,
        thought: 'I look.',
        reasoning: 'Hm.',
        code: 'x = 1',
        ran: '',
        why: 'writes a.csv',
        decision: '',
        by: '',
        reason: '',
        footer: '',
        findings: ['writes a.csv'],
        notes: [],
        usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null },
        seconds: { model: 0.0, decision: 0.0, run: 0.0 }
      },
      turn: {
        thread: 'main',
        turn: 1,
        prompt: 'This runs elsewhere.',
        step: 1,
        max_steps: 1,
        seconds: 0.0
      },
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'This runs elsewhere.',
              outcome: 'open',
              note: '',
              steps: [
                {
                  id: '040404040404-1',
                  number: 1,
                  title: 'the session',
                  status: 'pending',
                  ok: null,
                  label: 'I look.'
                }
              ]
            }
          ]
        },
        {
          name: 'replay of Look',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'failed',
              note: '',
              steps: [
                {
                  id: '030303030303-1',
                  number: 1,
                  title: 'action 1',
                  status: 'skipped',
                  ok: null,
                  label: 'I look.'
                }
              ],
              seconds: 0.0,
              usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null }
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    {
      op: 'hello',
      page: 'page0001',
      key: '6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b',
      id: '040404040404-1'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 1", "all": false, "id": "040404040404-1"}',
      proof: '334b073e149dbba8579f0ae6a2e9c95214c658b1be953d12ca15bd2a726232f0'
    },
    { status: 'ok' }
  ],
  [
    {
      op: 'signed',
      page: 'page0001',
      text: '{"op": "decide", "decision": "approve", "code": "x = 1", "all": false, "id": "040404040404-1"}',
      proof: '334b073e149dbba8579f0ae6a2e9c95214c658b1be953d12ca15bd2a726232f0'
    },
    {
      status: 'error',
      reason: 'late',
      error: 'This step has been decided already.'
    }
  ],
  [
    { op: 'state' },
    {
      status: 'ok',
      revision: 67,
      agent: 'idle',
      seconds: 0.0,
      pending: null,
      turn: null,
      threads: [
        {
          name: 'main',
          turns: [
            {
              turn: 1,
              prompt: 'This runs elsewhere.',
              outcome: 'answered',
              note: '',
              steps: [
                {
                  id: '040404040404-1',
                  number: 1,
                  title: 'the session',
                  status: 'skipped',
                  ok: null,
                  label: 'I look.'
                }
              ],
              seconds: 0.0,
              usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null }
            }
          ]
        },
        {
          name: 'replay of Look',
          turns: [
            {
              turn: 1,
              prompt: 'Look',
              outcome: 'failed',
              note: '',
              steps: [
                {
                  id: '030303030303-1',
                  number: 1,
                  title: 'action 1',
                  status: 'skipped',
                  ok: null,
                  label: 'I look.'
                }
              ],
              seconds: 0.0,
              usage: { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null }
            }
          ]
        }
      ],
      approve: 'ask',
      session: 'codeact-sessions/a.ipynb'
    }
  ],
  [
    { op: 'state', since: 67 },
    { status: 'ok', revision: 67, agent: 'idle', seconds: 0.0, unchanged: true }
  ],
  [
    { op: 'insert', id: '0505050505050505' },
    { status: 'ok', cells: [{ cell_type: 'code', source: 'x = 1' }] }
  ],
  [
    { op: 'insert', id: 'gone' },
    {
      status: 'error',
      reason: 'unknown',
      error: 'These cells are not offered by this kernel any more.'
    }
  ]
];

/** The metadata of a session notebook, and its cells. */
export const SESSION: Json = { codeact: 1, id: 'a1', started: '2026-01-02T03:04:05+00:00', home: '..' };
export const CELLS: readonly { readonly metadata: unknown; readonly source: string }[] = [
  {
    metadata: { kind: 'home' },
    source: '# The code below ran in the folder \'..\', seen from this notebook: go there, so that it finds the same files.\nimport os as _os\n\nif _os.path.basename(_os.getcwd()) == \'codeact-sessions\' and _os.path.isdir(\'..\'):\n    _os.chdir(\'..\')'
  },
  { metadata: { kind: 'cell' }, source: 'mine' },
  { metadata: { kind: 'cell', failed: true, earlier: true }, source: 'other' },
  {
    metadata: {
      kind: 'prompt',
      text: 'Look',
      turn: { outcome: 'answered', model: 'm', seconds: 3.0 }
    },
    source: '> ```\n> Look\n> ```'
  },
  { metadata: { kind: 'thought' }, source: 'I look.' },
  {
    metadata: {
      kind: 'action',
      step: {
        reply: {
          text: 'I look.',
          usage: {
            prompt: 812,
            cached: 700,
            completion: 45,
            estimated: true,
            cost: 0.0021
          },
          seconds: 1.5,
          model: 'm'
        },
        action: {},
        decision: { verdict: 'approve', seconds: 2.0, findings: ['writes a.csv'] },
        observation: { status: 'ok', seconds: 0.1 },
        assistant_message: 's',
        observation_message: 'h'
      }
    },
    source: 'x = 1'
  },
  { metadata: { kind: 'thought' }, source: 'I look.' },
  {
    metadata: {
      kind: 'action',
      step: {
        reply: {
          text: 'I look.',
          usage: {
            prompt: 812,
            cached: 700,
            completion: 45,
            estimated: true,
            cost: 0.0021
          },
          seconds: 1.5,
          model: 'm'
        },
        action: { code: 'x = 1' },
        decision: { verdict: 'edit' },
        observation: { status: 'error', line: 'line 1: x' },
        assistant_message: 's',
        observation_message: 'h'
      }
    },
    source: 'x = 2'
  },
  { metadata: { kind: 'thought' }, source: 'I look.' },
  {
    metadata: {
      kind: 'action',
      step: {
        reply: {
          text: 'I look.',
          usage: {
            prompt: 812,
            cached: 700,
            completion: 45,
            estimated: true,
            cost: 0.0021
          },
          seconds: 1.5,
          model: 'm'
        },
        action: {},
        decision: { verdict: 'approve', seconds: 2.0, findings: ['writes a.csv'] },
        observation: { status: 'interrupted', note: 'Stopped.' },
        assistant_message: 's',
        observation_message: 'h'
      }
    },
    source: 'x = 1'
  },
  { metadata: { kind: 'thought' }, source: 'I look.' },
  {
    metadata: {
      kind: 'proposal',
      step: {
        reply: {
          text: 'I look.',
          usage: {
            prompt: 812,
            cached: 700,
            completion: 45,
            estimated: true,
            cost: 0.0021
          },
          seconds: 1.5,
          model: 'm'
        },
        action: { code: 'x = 1' },
        decision: { verdict: 'reject', reason: 'no' },
        assistant_message: 's',
        observation_message: 'h'
      }
    },
    source: '```python\nx = 1\n```\n\n**Not run**, rejected by user: no'
  },
  {
    metadata: {
      kind: 'answer',
      step: {
        reply: {
          text: 'I look.',
          usage: {
            prompt: 812,
            cached: 700,
            completion: 45,
            estimated: true,
            cost: 0.0021
          },
          seconds: 1.5,
          model: 'm'
        },
        assistant_message: ''
      }
    },
    source: 'Done.'
  },
  {
    metadata: { kind: 'prompt', text: 'Again', turn: { outcome: 'limit', model: 'm' } },
    source: '> ```\n> Again\n> ```'
  },
  { metadata: { kind: 'note' }, source: 'At the limit.' }
];
/** The steps in it: status, how each ended, and the decision. */
export const CELL_STEPS: readonly (readonly [IStep['status'], IStep['ended'], IStep['decision']])[] = [
  ['done', 'ok', 'approve'],
  ['done', 'error', 'edit'],
  ['done', 'interrupted', 'approve'],
  ['rejected', null, 'reject'],
  ['answer', null, '']
];

/** Code, and whether the kernel finds that it does not read as it runs. */
export const CODES: readonly (readonly [string, boolean])[] = [
  ['total = sum(values)  # fine', false],
  ['x = \'a\u202eb\'', true],
  ['x\u200b = 1', true],
  ['print(\'\ud83d\udc69\u200d\ud83d\udd2c\')', false],
  ['p\u0430yload = 1', true],
  ['max_\u0430 = 1', true],
  ['\u0446\u0435\u043d\u0430 = \u0394x', false],
  ['\uff45val(x)', true],
  ['x = 1                                        ; y = 2', false],
  ['x = 1                                         ; y = 2', true],
  ['x = 1                                         # y = 2', false],
  [
    'if x:\n                                                                                y = 2',
    false
  ],
  [
    'if x:\n                                                                                 y = 2',
    true
  ],
  ['x = 1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\ny = 2', false],
  ['x = 1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\ny = 2', true]
];
