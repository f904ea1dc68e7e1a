/** The words for what the kernel reports. */
import { VERDICT_WORDS } from '../protocol/generated';
import type { Activity, IStepLine, ITurn, ITurnLine } from '../protocol/state';
import type { Ended, IStep, IUsage, Outcome } from '../protocol/steps';
import { written } from './hidden';

/** Return the name of a step, e.g. "Step 2" or, in a replay, "Action 3". */
export function stepName({ status, title, number }: Pick<IStepLine, 'status' | 'title' | 'number'>): string {
  const name = status === 'answer' ? 'answer' : written(title) || `step ${number}`;
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/**
 * Return the progress of a turn, e.g. "step 2 of at most 20" or, in a replay, "action 3".
 *
 * `step` is the current one, if it is known; `most` is put behind its number.
 */
export function progressWords(turn: ITurn | null, step: IStep | null, most = ''): string {
  if (!turn?.step) {
    return '';
  }
  return step?.title ? written(step.title) : `step ${turn.step}${most}`;
}

const ENDED_WORDS: Readonly<Record<Ended, string>> = {
  ok: 'ran',
  error: 'ran with an error',
  interrupted: 'interrupted',
  'timed out': 'timed out',
  'kernel lost': 'lost its kernel'
};

/** Return the status of a step. `live` is false if the step looks unfinished and the kernel no longer works on it. */
export function statusWords(step: IStep, live: boolean): string {
  switch (step.status) {
    case 'thinking':
      return live ? 'thinking' : 'was thinking when this ended';
    case 'pending':
      return live ? 'waiting for you' : 'was not decided';
    case 'running':
      return live ? 'running' : 'was running when this ended';
    case 'done':
      return ENDED_WORDS[step.ended ?? 'ok'];
    case 'rejected':
      return 'rejected';
    case 'stopped':
      return 'stopped';
    case 'skipped':
      // The code may run elsewhere, once the user has consented.
      return step.decision === 'approve' ? 'approved' : 'not run';
    case 'answer':
      return 'answer';
  }
}

/** Return who decided what, and what it took; the kernel's own line if nobody decided. */
export function recordWords(step: IStep): string {
  if (step.decision === '' && step.footer) {
    return step.footer;
  }
  return joined(decided(step), ...spent(step), tokens(step.usage));
}

function decided(step: IStep): string {
  if (step.decision === '') {
    return '';
  }
  const edited = step.decision === 'edit' ? ' and approved' : '';
  return `${VERDICT_WORDS[step.decision]}${edited} by ${decider(step)}${step.reason ? `: ${step.reason}` : ''}`;
}

/** Return who decided about a step, for the user. */
export function decider(step: IStep): string {
  return step.by.replace(/^user\b/, 'you');
}

/** Return what each part of a step took. */
export function spent(step: IStep): string[] {
  const { model, decision, run } = step.seconds;
  return [took('model', model), took(step.by === 'user' ? 'you' : 'decision', decision), took('run', run)];
}

/** Return the parts that are not empty, as one line. */
export function joined(...parts: string[]): string {
  return parts.filter(part => part !== '').join(' · ');
}

function took(what: string, seconds: number): string {
  return seconds > 0 ? `${what} ${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s` : '';
}

/** Return e.g. "812 tokens in (700 cached), 45 out"; an empty string if none were used. */
export function tokens(usage: IUsage): string {
  if (usage.prompt + usage.completion === 0) {
    return '';
  }
  const cached = usage.cached ? ` (${grouped(usage.cached)} cached)` : '';
  const cost = usage.cost === null ? '' : `, ${money(usage.cost)}`;
  return `${usage.estimated ? 'about ' : ''}${grouped(usage.prompt)} tokens in${cached}, ${grouped(usage.completion)} out${cost}`;
}

/** Return dollars as text, e.g. "$1.25" or "$0.0021". */
export function money(dollars: number): string {
  return `$${dollars >= 1 ? dollars.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }) : dollars.toFixed(4)}`;
}

/** Return all tokens in few characters, and their cost if it is known, e.g. "857 tokens" or "12.3k tokens, $0.0310". */
export function tokensShort(usage: IUsage): string {
  const all = usage.prompt + usage.completion;
  const shown = all < 10_000 ? grouped(all) : `${(all / 1000).toFixed(all < 100_000 ? 1 : 0)}k`;
  return `${shown} tokens${usage.cost === null ? '' : `, ${money(usage.cost)}`}`;
}

/** Return seconds as a running timer shows them. */
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

/** Return a line of Markdown without its marks, for the timeline. */
export function plain(line: string): string {
  return line.replace(/^#+ |[*`]+/g, '');
}

/** Return how a turn ended, for the timeline. */
export function outcomeWords(turn: ITurnLine): string {
  return joined(OUTCOME_WORDS[turn.outcome], counted(turn.steps.length, 'step'), ...cost(turn));
}

export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  answered: 'answered',
  limit: 'at a limit',
  stopped: 'stopped',
  failed: 'failed',
  open: 'under way'
};

/** Return the seconds and the tokens of a turn. */
export function cost({ seconds, usage }: { seconds: number; usage: IUsage }): string[] {
  return [took('', seconds).trim(), usage.prompt ? tokensShort(usage) : ''];
}

/** Return e.g. "12,345". */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

/** Return e.g. "1 step" or "12 steps". */
export function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}
