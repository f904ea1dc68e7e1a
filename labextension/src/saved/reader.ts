/** Reads what a session notebook records in the metadata of its cells. It is only shown: the file may be anybody's. */
import { ENDED, OUTCOMES, SESSION_VERSION } from '../protocol/generated';
import { type Fields, fields, list, number, oneOf, optional, text, texts } from '../protocol/shapes';
import { type Ended, type IStep, type IUsage, type Outcome, readUsage, readVerdict } from '../protocol/steps';

const KINDS = ['home', 'cell', 'prompt', 'thought', 'answer', 'action', 'proposal', 'note'] as const;

/** Characters of a text, and items of a list, that are shown of a file. */
const MOST = 1_000;
const MOST_ITEMS = 40;

/** What a notebook records about the session in it. */
export interface IHead {
  readonly started: string;
  /** The path from the notebook's folder to the one that the code ran in; empty if it is not known. */
  readonly home: string;
}

/** A cell of a notebook. */
export interface ISavedCell {
  /** The cell's `codeact` metadata. */
  readonly metadata: unknown;
  /** Return the cell's source. It is read only if it is needed. */
  readonly source: () => string;
}

/** A turn, shown at its prompt. */
export interface ITurnMark {
  readonly is: 'turn';
  readonly number: number;
  readonly prompt: string;
  readonly outcome: Outcome;
  readonly model: string;
  readonly approve: string;
  readonly seconds: number;
  readonly steps: number;
  readonly usage: IUsage;
}

/** A step, shown at its cell, or at two cells: the first has its thought, the last its code and result. */
export interface IStepMark {
  readonly is: 'step';
  readonly step: IStep;
  readonly begins: boolean;
  readonly ends: boolean;
}

/** A cell that ran before a prompt: the user's own, or an `earlier` action of another session. */
export interface IContextMark {
  readonly is: 'context';
  readonly failed: boolean;
  readonly earlier: boolean;
}

/** The cell that changes to the folder that the code ran in. */
export interface IHomeMark {
  readonly is: 'home';
}

export type Mark = ITurnMark | IStepMark | IContextMark | IHomeMark;

/** What is shown of a session notebook: a mark or null for each cell, and all turns. */
export interface ISaved {
  readonly marks: readonly (Mark | null)[];
  readonly turns: readonly ITurnMark[];
}

/** Return what a notebook's `codeact` metadata record; null if it is not a session, or of another version. */
export function readHead(metadata: unknown): IHead | null {
  return attempt(() => {
    const from = fields(metadata);
    return from.codeact === SESSION_VERSION ? { started: brief(from, 'started'), home: text(from, 'home') } : null;
  });
}

/** Return what is shown of the cells of a session notebook. A cell that cannot be read gets no mark. */
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

/** What one cell records by itself. The numbers of turns and steps follow from the cells before it. */
type Entry = ITurnMark | IContextMark | IHomeMark | { readonly is: 'step'; readonly step: IStep } | { readonly is: 'thought' };

function readCell({ metadata, source }: ISavedCell): Entry | null {
  if (metadata === null || metadata === undefined) {
    return null;
  }
  const from = fields(metadata);
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

/** Return a step as a kernel would publish it. */
function readStep(from: Fields, kind: 'action' | 'proposal' | 'thought' | 'answer', source: () => string): IStep {
  const given = fields(from.step);
  const reply = fields(given.reply ?? {});
  const decision = optional(given.decision, fields) ?? {};
  const seen = optional(given.observation, fields) ?? {};
  const proposed = text(optional(given.action, fields) ?? {}, 'code');
  const ended = kind === 'action' ? readEnded(seen) : null;
  const verdict = readVerdict(decision, 'verdict');
  return {
    id: '',
    thread: '',
    turn: 0,
    number: 0,
    of: 'turn',
    title: '',
    status: ended ? 'done' : unrun(verdict, kind),
    ok: ended && ended === 'ok',
    ended,
    thought: '',
    reasoning: text(reply, 'reasoning'),
    code: proposed,
    // If the code ran as proposed, only the cell has it.
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

/** Return how the run of an action ended. Sessions of older versions call an interrupted one "aborted". */
function readEnded(seen: Fields): Ended {
  return seen.status === 'aborted' ? 'interrupted' : oneOf(seen, 'status', ENDED);
}

/** Return the status of a step whose code did not run, or not to its end. */
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
    estimated: one.estimated || other.estimated,
    cost: costOf(one, other)
  };
}

/** Return the cost of two replies; null if one of them was used and its cost is not known. */
function costOf(one: IUsage, other: IUsage): number | null {
  const used = [one, other].filter(usage => usage.prompt + usage.completion > 0);
  const known = used.flatMap(usage => (usage.cost === null ? [] : [usage.cost]));
  return used.length > 0 && known.length === used.length ? known.reduce((all, cost) => all + cost) : null;
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

/** Return what `read` returns, or null if it raises: a file may contain anything. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
