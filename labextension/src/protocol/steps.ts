/** The record of a step, as the kernel publishes it, and its validation. */
import { ENDED, OCCASIONS, OUTCOMES, STATUSES, VERDICTS, WIRE_VERSION } from './generated';
import { type Fields, Malformed, fields, flagOrNull, id, number, oneOf, text, texts } from './shapes';

/** Characters of a title at most. */
const MOST_TITLE = 80;

export type Status = (typeof STATUSES)[number];
export type Ended = (typeof ENDED)[number];
export type Occasion = (typeof OCCASIONS)[number];
export type Verdict = (typeof VERDICTS)[number] | '';
export type Outcome = (typeof OUTCOMES)[number];

/** The tokens and the cost of one reply, or of several added up. */
export interface IUsage {
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
  readonly estimated: boolean;
  /** Dollars; null if not known. */
  readonly cost: number | null;
}

/** One step. In a saved notebook it is only something to show: nothing in it can be decided. */
export interface IStep {
  readonly id: string;
  readonly thread: string;
  readonly turn: number;
  readonly number: number;
  /** What the step is of: a turn with a model, a replay, or a consent to code that runs elsewhere. */
  readonly of: Occasion;
  /** What the step is called if "step" is not the word; else empty. */
  readonly title: string;
  readonly status: Status;
  readonly ok: boolean | null;
  /** How the run of the code ended; null if no code ran, or if it still runs. */
  readonly ended: Ended | null;
  readonly thought: string;
  readonly reasoning: string;
  readonly code: string;
  readonly ran: string;
  readonly findings: readonly string[];
  readonly why: string;
  readonly decision: Verdict;
  readonly by: string;
  readonly reason: string;
  readonly model: string;
  readonly usage: IUsage;
  readonly seconds: { readonly model: number; readonly decision: number; readonly run: number };
  readonly notes: readonly string[];
  readonly footer: string;
}

/** Return the step in a MIME bundle. Raises Malformed. */
export function readStep(value: unknown): IStep {
  const from = fields(value);
  if (number(from, 'version') !== WIRE_VERSION) {
    throw new Malformed('another version of the step format');
  }
  const seconds = fields(from.seconds ?? {});
  return {
    id: id(from, 'id'),
    thread: text(from, 'thread'),
    turn: number(from, 'turn'),
    number: number(from, 'number'),
    of: oneOf({ of: 'turn', ...from }, 'of', OCCASIONS),
    title: readTitle(from),
    status: oneOf(from, 'status', STATUSES),
    ok: flagOrNull(from, 'ok'),
    ended: readEnded(from),
    thought: text(from, 'thought'),
    reasoning: text(from, 'reasoning'),
    code: text(from, 'code'),
    ran: text(from, 'ran'),
    findings: texts(from, 'findings'),
    why: text(from, 'why'),
    decision: readVerdict(from, 'decision'),
    by: text(from, 'by'),
    reason: text(from, 'reason'),
    model: text(from, 'model'),
    usage: readUsage(from.usage ?? {}),
    seconds: { model: number(seconds, 'model'), decision: number(seconds, 'decision'), run: number(seconds, 'run') },
    notes: texts(from, 'notes'),
    footer: text(from, 'footer')
  };
}

/** Return how the run of a step ended. A record made before this was published says only whether it was ok. */
function readEnded(from: Fields): Ended | null {
  if ('ended' in from) {
    return from.ended === null ? null : oneOf(from, 'ended', ENDED);
  }
  switch (flagOrNull(from, 'ok')) {
    case true:
      return 'ok';
    case false:
      return 'error';
    case null:
      return null;
  }
}

/** Return the title of a step, shortened. Raises Malformed. */
export function readTitle(from: Fields): string {
  return text(from, 'title').slice(0, MOST_TITLE);
}

/** Return a verdict; an empty string if nobody has decided. Raises Malformed. */
export function readVerdict(from: Fields, name: string): Verdict {
  return oneOf({ [name]: '', ...from }, name, [...VERDICTS, '']);
}

/** Return the tokens of one reply, or of several. Raises Malformed. */
export function readUsage(value: unknown): IUsage {
  const from = fields(value);
  return {
    prompt: number(from, 'prompt'),
    cached: number(from, 'cached'),
    completion: number(from, 'completion'),
    estimated: from.estimated === true,
    cost: 'cost' in from && from.cost !== null ? number(from, 'cost') : null
  };
}
