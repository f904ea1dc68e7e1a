/** Requests to the kernel: what can be asked, and the one way to ask it. */
import type { DECISIONS } from './generated';
import { REQUEST_TYPE } from './generated';
import { unique } from './random';
import { type Fields, Malformed, fields, text } from './shapes';

/** Milliseconds after which a kernel that does not answer is assumed to have no agent. */
export const PATIENCE = 3000;
/** Characters of a refusal that are shown. */
const MOST_REFUSAL = 500;

type Decision = (typeof DECISIONS)[number];

/** What is asked with a proof: see `Proof.sign`. `page` and `code` are those of another page, which is admitted. */
export type Plain =
  | { op: 'decide'; id: string; decision: Extract<Decision, 'approve'>; code: string; all: boolean }
  | { op: 'decide'; id: string; decision: Extract<Decision, 'reject'>; reason: string }
  | { op: 'say'; text: string }
  | { op: 'here'; call: string }
  | { op: 'bye'; page: string }
  | { op: 'admit'; page: string; code: string };

/** What is sent. `id` names a step, or an offer of cells. */
export type Request =
  | { op: 'hello'; page: string; key: string; id?: string; quiet?: true }
  | { op: 'signed'; page: string; text: string; proof: string }
  | { op: 'state'; since?: number }
  | { op: 'stop' }
  | { op: 'insert'; id: string };

/** The kernel refused the request. The message is a line for the user. */
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

/** A message on the control channel, as Jupyter's protocol defines it. */
export interface IControlMessage {
  readonly channel: 'control';
  readonly header: Readonly<Record<'msg_id' | 'msg_type' | 'session' | 'username' | 'date' | 'version', string>>;
  readonly parent_header: object;
  readonly metadata: object;
  readonly content: Request;
  readonly buffers: readonly never[];
}

/** A request under way. */
export interface IFuture {
  onReply(reply: { readonly content: unknown }): PromiseLike<void> | void;
  readonly done: Promise<unknown>;
  dispose(): void;
}

/** What is used of a connection to a kernel. JupyterLab's kernel connection is one. */
export interface IControlChannel {
  readonly clientId: string;
  sendControlMessage(message: unknown, expectReply: boolean, disposeOnDone: boolean): IFuture;
}

/** Ask over the control channel, which is answered while a cell runs. Rejects with Refused, Silence or Malformed. */
export async function request(channel: IControlChannel, content: Request, patience = PATIENCE): Promise<Fields> {
  return accepted(await reply(channel, content, patience));
}

function reply(channel: IControlChannel, content: Request, patience: number): Promise<unknown> {
  const future = channel.sendControlMessage(message(channel.clientId, content), true, true);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Silence('The kernel does not answer.'));
      future.dispose();
    }, patience);
    // Not `future.done`: that waits for iopub too, which may be behind a flood of outputs.
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

export function accepted(content: unknown): Fields {
  const from = fields(content);
  if (from.status === 'ok') {
    return from;
  }
  if (from.status === 'error') {
    throw new Refused(text(from, 'error').slice(0, MOST_REFUSAL) || 'The kernel refused.', text(from, 'reason'));
  }
  throw new Malformed('a reply without status');
}

export function message(session: string, content: Request): IControlMessage {
  return {
    channel: 'control',
    header: {
      msg_id: unique(),
      msg_type: REQUEST_TYPE,
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
}
