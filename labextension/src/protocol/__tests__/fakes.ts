/** A kernel that gives prepared answers, and the session around it: no network, no browser. */
import { Signal } from '@lumino/signaling';
import type { ISession } from '../agent';
import { STEP_MIME } from '../generated';
import type { IDraft } from '../pending';
import type { Plain, Request } from '../requests';
import type { IStep } from '../steps';

export const USAGE = { prompt: 0, cached: 0, completion: 0, estimated: false, cost: null };

export function bundle(fields: Partial<IStep> = {}): Record<string, unknown> {
  return {
    version: 1,
    id: 'a-1',
    thread: 'main',
    turn: 1,
    number: 1,
    title: '',
    status: 'pending',
    of: 'turn',
    ok: null,
    ended: null,
    thought: '',
    reasoning: '',
    code: 'print(1)',
    ran: '',
    findings: [],
    why: '',
    decision: '',
    by: '',
    reason: '',
    model: '',
    usage: USAGE,
    seconds: { model: 0, decision: 0, run: 0 },
    notes: [],
    footer: '',
    ...fields
  };
}

/** A text that is edited by `setSource`, as JupyterLab's shared models are. */
export function newDraft(code: string): IDraft {
  let source = code;
  const model = {
    getSource: () => source,
    setSource: (value: string) => {
      source = value;
      changed.emit();
    },
    get changed() {
      return changed;
    }
  };
  const changed = new Signal<typeof model, void>(model);
  return { sharedModel: model, dispose: () => undefined };
}

type Answer = Record<string, unknown> | null;

/** Return what was signed, or the request itself. */
function plain(request: Request): Plain | Request {
  return request.op === 'signed' ? (JSON.parse(request.text) as Plain) : request;
}

/** The kernel's end: `answer` gives the content of a reply, or null for silence. */
export class FakeKernel {
  readonly asked: (Plain | Request)[] = [];
  readonly clientId = 'client';
  readonly id = 'kernel';
  isDisposed = false;
  revision = 0;
  state: Record<string, unknown> = { agent: 'idle', seconds: 0, pending: null, turn: null, threads: [] };
  answer: (request: Plain | Request) => Answer = request => (request.op === 'state' ? this.reply() : { status: 'ok' });

  /** Change what `state` is answered with. */
  become(fields: Record<string, unknown>): void {
    this.state = { ...this.state, ...fields };
    this.revision += 1;
  }

  reply(): Record<string, unknown> {
    return { status: 'ok', revision: this.revision, ...this.state };
  }

  sendControlMessage(message: { content: Request; header: Record<string, unknown> }): unknown {
    const content = plain(message.content);
    this.asked.push(content);
    const nothing = (): void => undefined;
    const future = { onReply: nothing as (reply: unknown) => void, done: new Promise(nothing), dispose: nothing };
    const answer = this.answer(content);
    if (answer) {
      queueMicrotask(() => {
        future.onReply({ content: answer });
      });
    }
    return future;
  }

  ops(op: (Plain | Request)['op']): (Plain | Request)[] {
    return this.asked.filter(request => request.op === op);
  }
}

export class FakeSession {
  isDisposed = false;
  readonly session: { kernel: FakeKernel | null };
  readonly disposed = new Signal<this, void>(this);
  readonly iopubMessage = new Signal<this, unknown>(this);
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly statusChanged = new Signal<this, string>(this);
  readonly connectionStatusChanged = new Signal<this, string>(this);

  constructor(kernel: FakeKernel) {
    this.session = { kernel };
  }

  get asSession(): ISession {
    return this as unknown as ISession;
  }

  /** A step comes in on iopub. */
  publish(step: Record<string, unknown>, type = 'update_display_data'): void {
    const data = { [STEP_MIME]: step };
    this.iopubMessage.emit({ header: { msg_type: type }, parent_header: {}, content: { data } });
  }

  /** A cell has come to its end. */
  endCell(): void {
    const parent = { msg_type: 'execute_request' };
    this.iopubMessage.emit({ header: { msg_type: 'status' }, parent_header: parent, content: { execution_state: 'idle' } });
  }
}
