/** What a session notebook says of its cells, in their metadata: only something to show, since it may be anyone's. */
import { type IStep, type IUsage, OUTCOMES, VERDICTS, readUsage } from './protocol';
import { type Fields, fields, list, number, oneOf, optional, text, texts } from './shapes';

const VERSION = 1;
const KINDS = ['home', 'cell', 'prompt', 'thought', 'answer', 'action', 'proposal', 'note'] as const;
/** How a run ended; 'aborted' stands for 'interrupted' in sessions that were saved before 0.2. */
const ENDS = ['ok', 'error', 'interrupted', 'timed out', 'kernel lost', 'aborted'] as const;

/** Characters of a text, and items of a list, that are shown of what a file says. */
const MOST = 1_000;
const MOST_ITEMS = 40;

/** What a notebook says of the session in it. */
export interface IHead {
  readonly started: string;
  /** Leads from the notebook's folder to the one that the code ran in; empty where it is not known. */
  readonly home: string;
}

/** A cell of a notebook: what its metadata say of a session, and its source, which is read only where it is needed. */
export interface ISavedCell {
  readonly about: unknown;
  readonly source: () => string;
}

/** A turn, told at its prompt. */
export interface ITurnMark {
  readonly is: 'turn';
  readonly number: number;
  readonly prompt: string;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly model: string;
  readonly approve: string;
  readonly seconds: number;
  readonly steps: number;
  readonly usage: IUsage;
}

/** A step, told at its cell, or at two: the first holds its thought, the last what came of it. */
export interface IStepMark {
  readonly is: 'step';
  readonly step: IStep;
  readonly begins: boolean;
  readonly ends: boolean;
}

/** A cell that ran before a prompt: the user's own or, where it is an `earlier` action, another session's. */
export interface IContextMark {
  readonly is: 'context';
  readonly failed: boolean;
  readonly earlier: boolean;
}

/** The cell that goes to the folder that the code ran in. */
export interface IHomeMark {
  readonly is: 'home';
}

export type Mark = ITurnMark | IStepMark | IContextMark | IHomeMark;

/** All that is told of a session notebook: of each of its cells, or null, and in sum. */
export interface ISaved {
  readonly marks: readonly (Mark | null)[];
  readonly turns: readonly ITurnMark[];
}

/** Return what a notebook's metadata say of a session; null where there is none, or none of our version. */
export function readHead(about: unknown): IHead | null {
  return attempt(() => {
    const from = fields(about);
    return from.codeact === VERSION ? { started: brief(from, 'started'), home: text(from, 'home') } : null;
  });
}

/** Read the cells of a session notebook. A cell that cannot be read gets no mark, and takes none from the others. */
export function readCells(cells: readonly ISavedCell[]): ISaved {
  const entries = cells.map(cell => attempt(() => readCell(cell)));
  const marks: (Mark | null)[] = entries.map(entry => (entry?.is === 'context' || entry?.is === 'home' ? entry : null));
  const turns: ITurnMark[] = [];
  let at = -1;
  entries.forEach((entry, index) => {
    if (entry?.is === 'turn') {
      at = index;
      turns.push({ ...entry, number: turns.length + 1 });
    }
    const turn = turns.at(-1);
    if (entry?.is === 'step' && turn) {
      const step = { ...entry.step, turn: turn.number, number: turn.steps + 1 };
      const begins = entries[index - 1]?.is !== 'thought';
      marks[begins ? index : index - 1] = { is: 'step', step, begins: true, ends: begins };
      marks[index] = { is: 'step', step, begins, ends: true };
      turns[turns.length - 1] = { ...turn, steps: step.number, usage: sum(turn.usage, step.usage) };
    }
    if (at >= 0) {
      marks[at] = turns.at(-1) ?? null;
    }
  });
  return { marks, turns };
}

/** What one cell says by itself; the numbers of turns and steps come from those before it. */
type Entry = ITurnMark | IContextMark | IHomeMark | { readonly is: 'step'; readonly step: IStep } | { readonly is: 'thought' };

function readCell({ about, source }: ISavedCell): Entry | null {
  if (about === null || about === undefined) {
    return null;
  }
  const from = fields(about);
  const kind = oneOf(from, 'kind', KINDS);
  switch (kind) {
    case 'home':
      return { is: 'home' };
    case 'cell':
      return { is: 'context', failed: from.failed === true, earlier: from.earlier === true };
    case 'prompt':
      return readTurn(from, source);
    case 'action':
    case 'proposal':
      return { is: 'step', step: readStep(from, kind, source) };
    case 'thought':
    case 'answer':
      return 'step' in from ? { is: 'step', step: readStep(from, kind, source) } : { is: 'thought' };
    default:
      return null;
  }
}

function readTurn(from: Fields, source: () => string): ITurnMark {
  const turn = fields(from.turn);
  return {
    is: 'turn',
    number: 0,
    prompt: clipped('text' in from ? text(from, 'text') : source()),
    outcome: oneOf({ outcome: 'open', ...turn }, 'outcome', OUTCOMES),
    model: brief(turn, 'model'),
    approve: brief({ approve: 'ask', ...turn }, 'approve'),
    seconds: number(turn, 'seconds'),
    steps: 0,
    usage: readUsage({})
  };
}

/** Read a step, in the shape in which a kernel would publish it. */
function readStep(from: Fields, kind: 'action' | 'proposal' | 'thought' | 'answer', source: () => string): IStep {
  const given = fields(from.step);
  const reply = fields(given.reply ?? {});
  const decision = optional(given.decision, fields) ?? {};
  const seen = optional(given.observation, fields) ?? {};
  const proposed = text(optional(given.action, fields) ?? {}, 'code');
  const ended = kind === 'action' ? oneOf(seen, 'status', ENDS) : null;
  const verdict = oneOf({ verdict: '', ...decision }, 'verdict', VERDICTS);
  return {
    id: '',
    thread: '',
    turn: 0,
    number: 0,
    title: '',
    status: ended ? 'done' : unrun(verdict, kind),
    ok: ended && ended === 'ok',
    interrupted: ended === 'interrupted' || ended === 'aborted',
    thought: '',
    reasoning: text(reply, 'reasoning'),
    code: proposed,
    // Where the code ran as it was proposed, the cell alone has it.
    ran: ended && proposed ? source() : '',
    findings: items(decision, 'findings'),
    why: '',
    decision: verdict,
    by: brief({ by: 'user', ...decision }, 'by'),
    reason: brief(decision, 'reason'),
    model: brief(reply, 'model'),
    usage: readUsage(reply.usage ?? {}),
    seconds: { model: number(reply, 'seconds'), decision: number(decision, 'seconds'), run: number(seen, 'seconds') },
    notes: [brief(seen, 'line'), brief(seen, 'note')].filter(Boolean),
    footer: ''
  };
}

/** How a step stands whose code did not run, or not to its end. */
function unrun(verdict: IStep['decision'], kind: string): IStep['status'] {
  switch (verdict) {
    case 'reject':
      return 'rejected';
    case 'stop':
      return 'stopped';
    case 'approve':
    case 'edit':
      return 'running';
    case '':
      return kind === 'proposal' ? 'skipped' : 'answer';
  }
}

function sum(one: IUsage, other: IUsage): IUsage {
  return {
    prompt: one.prompt + other.prompt,
    cached: one.cached + other.cached,
    completion: one.completion + other.completion,
    estimated: one.estimated || other.estimated
  };
}

function brief(from: Fields, name: string): string {
  return clipped(text(from, name));
}

function items(from: Fields, name: string): readonly string[] {
  return texts({ items: list(from, name).slice(0, MOST_ITEMS) }, 'items').map(clipped);
}

function clipped(value: string): string {
  return value.length > MOST ? `${value.slice(0, MOST)} …` : value;
}

/** Return what `read` returns, or null where it raises: a file may hold anything. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
