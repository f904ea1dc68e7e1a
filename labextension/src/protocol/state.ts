/** What a kernel reports about its agent: the answer to a `state` request, and its validation. */
import { ACTIVITIES, OUTCOMES, STATUSES } from './generated';
import { fields, flagOrNull, id, list, number, oneOf, optional, text } from './shapes';
import { type IStep, type IUsage, type Outcome, type Status, readStep, readTitle, readUsage } from './steps';

export type Activity = (typeof ACTIVITIES)[number];

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
  readonly outcome: Outcome;
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

/** What a kernel reports about its agent. */
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

/** Return the answer to a `state` request. Raises Malformed. */
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

/**
 * Return whether no other step can follow this one, so that there is no rest to run.
 *
 * A turn may end before its limit of steps or at it, so it never counts; a replay knows how many steps it has.
 */
export function isAlone(step: IStep, turn: ITurn | null): boolean {
  switch (step.of) {
    case 'turn':
      return false;
    case 'replay':
      return turn?.maxSteps === 1;
    case 'consent':
      return true;
  }
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
    id: id(from, 'id'),
    number: number(from, 'number'),
    title: readTitle(from),
    status: oneOf(from, 'status', STATUSES),
    ok: flagOrNull(from, 'ok'),
    label: text(from, 'label')
  };
}
