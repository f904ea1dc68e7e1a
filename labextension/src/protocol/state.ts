/** What goes over the wire between the page and the kernel: its shapes, their validation, and the one way to ask. */
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { type Fields, Malformed, fields, flagOrNull, list, named, number, oneOf, optional, text, texts } from './shapes';

export const MIME = 'application/vnd.codeact.step+json';
/** Says that the kernel has cells for the notebook, under an id. */
export const INSERT_MIME = 'application/vnd.codeact.insert+json';

/** Milliseconds after which a kernel that says nothing is taken to have no agent. */
export const PATIENCE = 3000;

const VERSION = 1;
/** Characters of what a step is called. */
const MOST_TITLE = 80;

const STATUSES = ['thinking', 'pending', 'running', 'done', 'rejected', 'stopped', 'skipped', 'answer'] as const;
const ACTIVITIES = ['idle', 'thinking', 'waiting', 'running'] as const;
export const VERDICTS = ['approve', 'edit', 'reject', 'stop', ''] as const;
export const OUTCOMES = ['answered', 'limit', 'stopped', 'failed', 'open'] as const;

export type Status = (typeof STATUSES)[number];
export type Activity = (typeof ACTIVITIES)[number];

export interface IUsage {
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
  readonly estimated: boolean;
}

/** One step, as the kernel publishes it. In a saved notebook it is only something to show. */
export interface IStep {
  readonly id: string;
  readonly thread: string;
  readonly turn: number;
  readonly number: number;
  /** What it is called where "step" is not the word; else empty. */
  readonly title: string;
  readonly status: Status;
  readonly ok: boolean | null;
  /** Whether the run was broken off by Stop or an interrupt. */
  readonly interrupted: boolean;
  readonly thought: string;
  readonly reasoning: string;
  readonly code: string;
  readonly ran: string;
  readonly findings: readonly string[];
  readonly why: string;
  readonly decision: (typeof VERDICTS)[number];
  readonly by: string;
  readonly reason: string;
  readonly model: string;
  readonly usage: IUsage;
  readonly seconds: { readonly model: number; readonly decision: number; readonly run: number };
  readonly notes: readonly string[];
  readonly footer: string;
}

/** A step in the timeline. */
export interface IStepLine {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly status: Status;
  readonly ok: boolean | null;
  readonly label: string;
}

/** A turn in the timeline. */
export interface ITurnLine {
  readonly turn: number;
  readonly prompt: string;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly note: string;
  readonly seconds: number;
  readonly usage: IUsage;
  readonly steps: readonly IStepLine[];
}

export interface IThread {
  readonly name: string;
  readonly turns: readonly ITurnLine[];
}

/** The turn that is under way. */
export interface ITurn {
  readonly thread: string;
  readonly turn: number;
  readonly prompt: string;
  readonly step: number;
  readonly maxSteps: number;
  readonly usage: IUsage;
  readonly seconds: number;
}

/** What a kernel says about its agent. */
export interface IState {
  readonly revision: number;
  readonly agent: Activity;
  readonly seconds: number;
  readonly pending: IStep | null;
  readonly turn: ITurn | null;
  readonly threads: readonly IThread[];
  readonly approve: string;
  readonly session: string;
}

/** The answer to a `state` request that named the current revision. */
export type Unchanged = Pick<IState, 'revision' | 'agent' | 'seconds'>;

export type Request =
  | { op: 'hello'; id?: string }
  | { op: 'state'; since?: number }
  | { op: 'decide'; id: string; decision: 'approve'; code: string; all: boolean }
  | { op: 'decide'; id: string; decision: 'reject'; reason: string }
  | { op: 'stop' }
  | { op: 'say'; text: string }
  | { op: 'insert'; id: string };

/** The kernel answered with a refusal; the message is a line for the user. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly reason: string
  ) {
    super(message);
  }
}

/** The kernel did not answer. */
export class Silence extends Error {}

/** What is taken of JupyterLab's kernel connection. */
export type Channel = Pick<Kernel.IKernelConnection, 'clientId' | 'sendControlMessage'>;

/** Ask over the control channel, which is answered while a cell runs. Rejects with Refused, Silence or Malformed. */
export async function request(kernel: Channel, content: Request, patience = PATIENCE): Promise<Fields> {
  return accepted(await reply(kernel, content, patience));
}

function reply(kernel: Channel, content: Request, patience: number): Promise<unknown> {
  const future = kernel.sendControlMessage(message(kernel.clientId, content), true, true);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Silence('The kernel does not answer.'));
      future.dispose();
    }, patience);
    // Not `future.done`: that waits for iopub too, which may lie behind a flood of outputs.
    future.onReply = reply => {
      clearTimeout(timer);
      resolve(reply.content);
    };
    future.done.catch(() => {
      clearTimeout(timer);
      reject(new Silence('The kernel is gone.'));
    });
  });
}

/** Read a step bundle; raises Malformed. */
export function readStep(value: unknown): IStep {
  const from = fields(value);
  if (number(from, 'version') !== VERSION) {
    throw new Malformed('another version of the step format');
  }
  const seconds = fields(from.seconds ?? {});
  return {
    id: named(from, 'id'),
    thread: text(from, 'thread'),
    turn: number(from, 'turn'),
    number: number(from, 'number'),
    title: text(from, 'title').slice(0, MOST_TITLE),
    status: oneOf(from, 'status', STATUSES),
    ok: flagOrNull(from, 'ok'),
    interrupted: text(from, 'footer').split(' · ').includes('interrupted'),
    thought: text(from, 'thought'),
    reasoning: text(from, 'reasoning'),
    code: text(from, 'code'),
    ran: text(from, 'ran'),
    findings: texts(from, 'findings'),
    why: text(from, 'why'),
    decision: oneOf({ decision: '', ...from }, 'decision', VERDICTS),
    by: text(from, 'by'),
    reason: text(from, 'reason'),
    model: text(from, 'model'),
    usage: readUsage(from.usage ?? {}),
    seconds: { model: number(seconds, 'model'), decision: number(seconds, 'decision'), run: number(seconds, 'run') },
    notes: texts(from, 'notes'),
    footer: text(from, 'footer')
  };
}

/** A cell for the notebook. */
export interface INewCell {
  readonly type: 'code' | 'markdown';
  readonly source: string;
}

/** Return the id under which a message offers cells for the notebook; null where it does not. */
export function offered(message: KernelMessage.IMessage): string | null {
  const data = message.header.msg_type === 'display_data' ? (message.content as { data?: Fields }).data : undefined;
  try {
    const from = fields(data?.[INSERT_MIME]);
    return number(from, 'version') === VERSION ? named(from, 'id') : null;
  } catch {
    return null;
  }
}

/** Read the answer to an `insert` request; raises Malformed. */
export function readNewCells(reply: Fields): readonly INewCell[] {
  return list(reply, 'cells').map(value => {
    const from = fields(value);
    return { type: oneOf(from, 'cell_type', ['code', 'markdown'] as const), source: text(from, 'source') };
  });
}

/** Read the answer to a `state` request; raises Malformed. */
export function readState(value: unknown): IState | Unchanged {
  const from = fields(value);
  const head = {
    revision: number(from, 'revision'),
    agent: oneOf(from, 'agent', ACTIVITIES),
    seconds: number(from, 'seconds')
  };
  if (from.unchanged === true) {
    return head;
  }
  return {
    ...head,
    pending: optional(from.pending, readStep),
    turn: optional(from.turn, readTurn),
    threads: list(from, 'threads').map(readThread),
    approve: text(from, 'approve'),
    session: text(from, 'session')
  };
}

function accepted(content: unknown): Fields {
  const from = fields(content);
  if (from.status === 'ok') {
    return from;
  }
  if (from.status === 'error') {
    throw new Refused(text(from, 'error').slice(0, 500) || 'The kernel refused.', text(from, 'reason'));
  }
  throw new Malformed('a reply without status');
}

function message(session: string, content: Request): KernelMessage.IControlMessage {
  const made = {
    channel: 'control',
    header: {
      msg_id: crypto.randomUUID(),
      msg_type: 'codeact_request',
      session,
      username: '',
      date: new Date().toISOString(),
      version: '5.3'
    },
    parent_header: {},
    metadata: {},
    content,
    buffers: []
  };
  // JupyterLab's type lists Jupyter's own control messages only.
  return made as unknown as KernelMessage.IControlMessage;
}

function readTurn(value: unknown): ITurn {
  const from = fields(value);
  return {
    thread: text(from, 'thread'),
    turn: number(from, 'turn'),
    prompt: text(from, 'prompt'),
    step: number(from, 'step'),
    maxSteps: number(from, 'max_steps'),
    usage: readUsage(from.usage ?? {}),
    seconds: number(from, 'seconds')
  };
}

function readThread(value: unknown): IThread {
  const from = fields(value);
  return { name: text(from, 'name'), turns: list(from, 'turns').map(readTurnLine) };
}

function readTurnLine(value: unknown): ITurnLine {
  const from = fields(value);
  return {
    turn: number(from, 'turn'),
    prompt: text(from, 'prompt'),
    outcome: oneOf(from, 'outcome', OUTCOMES),
    note: text(from, 'note'),
    seconds: number(from, 'seconds'),
    usage: readUsage(from.usage ?? {}),
    steps: list(from, 'steps').map(readStepLine)
  };
}

function readStepLine(value: unknown): IStepLine {
  const from = fields(value);
  return {
    id: named(from, 'id'),
    number: number(from, 'number'),
    title: text(from, 'title').slice(0, MOST_TITLE),
    status: oneOf(from, 'status', STATUSES),
    ok: flagOrNull(from, 'ok'),
    label: text(from, 'label')
  };
}

/** Read the tokens of one or of many replies; raises Malformed. */
export function readUsage(value: unknown): IUsage {
  const from = fields(value);
  return {
    prompt: number(from, 'prompt'),
    cached: number(from, 'cached'),
    completion: number(from, 'completion'),
    estimated: from.estimated === true
  };
}
