/** The words of the views, made from what the kernel says. */
import { written } from './hidden';
import type { Activity, IStep, IStepLine, ITurn, ITurnLine, IUsage } from './protocol';
import type { ISaved, ITurnMark } from './saved';

/** What a step is called, e.g. "Step 2" or, in a replay, "Action 3". */
export function stepName({ status, title, number }: Pick<IStepLine, 'status' | 'title' | 'number'>): string {
  const name = status === 'answer' ? 'answer' : written(title) || `step ${number}`;
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** Where a turn is, e.g. "step 2 of at most 20" or, in a replay, "action 3"; `step` is the one that it is at, where known. */
export function placeWords(turn: ITurn | null, step: IStep | null, most = ''): string {
  return turn?.step ? (step?.title ? written(step.title) : `step ${turn.step}${most}`) : '';
}

/** How a step stands, for its user. `live` is false where the kernel is no longer at a step that looks unfinished. */
export function statusWords(step: IStep, live: boolean): string {
  switch (step.status) {
    case 'thinking':
      return live ? 'thinking' : 'was thinking when this ended';
    case 'pending':
      return live ? 'waiting for you' : 'was not decided';
    case 'running':
      return live ? 'running' : 'was running when this ended';
    case 'done':
      return step.interrupted ? 'interrupted' : step.ok === false ? 'ran with an error' : 'ran';
    case 'rejected':
      return 'rejected';
    case 'stopped':
      return 'stopped';
    case 'skipped':
      // What was asked about may run in another place.
      return step.decision === 'approve' ? 'approved' : 'not run';
    case 'answer':
      return 'answer';
  }
}

/** Who decided what, and how long all of it took; the kernel's own words where nobody decided. */
export function recordWords(step: IStep): string {
  if (step.decision === '' && step.footer) {
    return step.footer;
  }
  return joined(decided(step), ...spent(step), tokens(step.usage));
}

const DECISIONS = { approve: 'approved', edit: 'edited and approved', reject: 'rejected', stop: 'stopped' };

function decided(step: IStep): string {
  if (step.decision === '') {
    return '';
  }
  const by = step.by.replace(/^user\b/, 'you');
  return `${DECISIONS[step.decision]} by ${by}${step.reason ? `: ${step.reason}` : ''}`;
}

/** What each part of a step took. */
function spent(step: IStep): string[] {
  const { model, decision, run } = step.seconds;
  return [took('model', model), took(step.by === 'user' ? 'you' : 'decision', decision), took('run', run)];
}

function joined(...parts: string[]): string {
  return parts.filter(part => part !== '').join(' · ');
}

function took(what: string, seconds: number): string {
  return seconds > 0 ? `${what} ${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s` : '';
}

/** E.g. "812 tokens in (700 cached), 45 out"; empty where none were used. */
export function tokens(usage: IUsage): string {
  if (usage.prompt + usage.completion === 0) {
    return '';
  }
  const cached = usage.cached ? ` (${grouped(usage.cached)} cached)` : '';
  return `${usage.estimated ? 'about ' : ''}${grouped(usage.prompt)} tokens in${cached}, ${grouped(usage.completion)} out`;
}

/** E.g. "857 tokens" or "12.3k tokens": all of them, in few characters. */
export function tokensShort(usage: IUsage): string {
  const all = usage.prompt + usage.completion;
  return `${all < 10_000 ? grouped(all) : `${(all / 1000).toFixed(all < 100_000 ? 1 : 0)}k`} tokens`;
}

/** Seconds as a running timer shows them. */
export function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`;
}

export const ACTIVITY_WORDS: Readonly<Record<Activity, string>> = {
  idle: 'idle',
  thinking: 'thinking',
  waiting: 'waiting for you',
  running: 'running'
};

/** A line of Markdown without its marks, for the timeline. */
export function plain(line: string): string {
  return line.replace(/^#+ |[*`]+/g, '');
}

/** How a turn ended, for the timeline. */
export function outcomeWords(turn: ITurnLine): string {
  return joined(OUTCOME_WORDS[turn.outcome], counted(turn.steps.length, 'step'), ...cost(turn));
}

const OUTCOME_WORDS = { answered: 'answered', limit: 'at a limit', stopped: 'stopped', failed: 'failed', open: 'under way' };
const SAVED_OUTCOME_WORDS = { ...OUTCOME_WORDS, open: 'broken off' };

function cost({ seconds, usage }: { seconds: number; usage: IUsage }): string[] {
  return [took('', seconds).trim(), usage.prompt ? tokensShort(usage) : ''];
}

/** How a turn of a saved session went, and with what. */
export function turnWords(turn: ITurnMark): string {
  return joined(SAVED_OUTCOME_WORDS[turn.outcome], counted(turn.steps, 'step'), ...cost(turn), turn.model, `approval: ${turn.approve}`);
}

/** What a saved session is: when it began, and what is in it. */
export function sessionWords({ turns }: ISaved, started: string): string {
  const steps = turns.reduce((sum, turn) => sum + turn.steps, 0);
  const models = [...new Set(turns.map(turn => turn.model))].slice(0, 3);
  const last = turns.at(-1)?.outcome ?? 'answered';
  const ended = last === 'answered' ? '' : SAVED_OUTCOME_WORDS[last];
  return joined(`A session of ${started}`, counted(turns.length, 'turn'), counted(steps, 'step'), ...models, ended);
}

/** Who decided about a saved step, e.g. "run by you"; empty where nobody did. */
export function deciderWords(step: IStep): string {
  const verbs = { approve: 'run', edit: 'edited', reject: 'rejected', stop: 'stopped', '': '' };
  return step.decision && `${verbs[step.decision]} by ${step.by.replace(/^user\b/, 'you')}`;
}

/** Why a saved step was rejected, and what it took. */
export function savedWords(step: IStep): string {
  return joined(step.reason && `“${step.reason}”`, step.model, ...spent(step), tokens(step.usage));
}

/** E.g. "12,345". */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}
