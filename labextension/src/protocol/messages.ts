/** What the kernel publishes on iopub: steps, and offers of cells for the notebook. */
import { CALL_MIME, INSERT_MIME, STEP_MIME, WIRE_VERSION } from './generated';
import { type Fields, fields, id, list, number, oneOf, text } from './shapes';
import { type IStep, readStep } from './steps';

/** What is used of a message from a kernel. JupyterLab's messages are such. */
export interface IMessage {
  readonly header: { readonly msg_type: string };
  readonly parent_header: object;
  readonly content: unknown;
}

/** A published step, and the MIME bundle that it came in. */
export interface IPublished {
  readonly step: IStep;
  readonly data: Fields;
}

/** A call to the pages of a kernel. It may be for a page that asks to be admitted, under a code; else that is empty. */
export interface ICall {
  readonly call: string;
  readonly page: string;
  readonly code: string;
}

/** A cell for the notebook. */
export interface INewCell {
  readonly type: 'code' | 'markdown';
  readonly source: string;
}

/** Return the step in a message; null if there is none, or none that can be read. */
export function publishedStep(message: IMessage): IPublished | null {
  const type = message.header.msg_type;
  if (type !== 'display_data' && type !== 'update_display_data') {
    return null;
  }
  const data = dataOf(message);
  try {
    return data?.[STEP_MIME] ? { step: readStep(data[STEP_MIME]), data } : null;
  } catch {
    return null;
  }
}

/** Return the call in a message; null if there is none. */
export function calledPages(message: IMessage): ICall | null {
  const data = message.header.msg_type === 'update_display_data' ? dataOf(message) : undefined;
  try {
    const from = fields(data?.[CALL_MIME]);
    return { call: text(from, 'call'), page: text(from, 'page'), code: text(from, 'code') };
  } catch {
    return null;
  }
}

/** Return the id under which a message offers cells for the notebook; null if it offers none. */
export function offeredCells(message: IMessage): string | null {
  const data = message.header.msg_type === 'display_data' ? dataOf(message) : undefined;
  try {
    const from = fields(data?.[INSERT_MIME]);
    return number(from, 'version') === WIRE_VERSION ? id(from, 'id') : null;
  } catch {
    return null;
  }
}

/** Return the cells in the answer to an `insert` request. Raises Malformed. */
export function readNewCells(reply: Fields): readonly INewCell[] {
  return list(reply, 'cells').map(value => {
    const from = fields(value);
    return { type: oneOf(from, 'cell_type', ['code', 'markdown'] as const), source: text(from, 'source') };
  });
}

/** Return whether a message reports that a cell has ended. */
export function endsCell(message: IMessage): boolean {
  const parent = message.parent_header as { msg_type?: string };
  const state = (message.content as { execution_state?: string }).execution_state;
  return message.header.msg_type === 'status' && state === 'idle' && parent.msg_type === 'execute_request';
}

function dataOf(message: IMessage): Fields | undefined {
  return (message.content as { data?: Fields }).data;
}
