/** The words of the views, made from what the kernel says. */
import type { Activity, IStep, ITurnLine, IUsage } from './protocol';

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
      return 'not run';
    case 'answer':
      return 'answer';
  }
}

/** Who decided what, and how long all of it took; the kernel's own words where nobody decided. */
export function recordWords(step: IStep): string {
  if (step.decision === '' && step.footer) {
    return step.footer;
  }
  const seconds = [
    took('model', step.seconds.model),
    took(step.by === 'user' ? 'you' : 'decision', step.seconds.decision),
    took('run', step.seconds.run)
  ];
  return [decided(step), ...seconds, tokens(step.usage)].filter(part => part !== '').join(' · ');
}

const DECISIONS = { approve: 'approved', edit: 'edited and approved', reject: 'rejected', stop: 'stopped' };

function decided(step: IStep): string {
  if (step.decision === '') {
    return '';
  }
  const by = step.by === 'user' ? 'you' : step.by;
  return `${DECISIONS[step.decision]} by ${by}${step.reason ? `: ${step.reason}` : ''}`;
}

function took(what: string, seconds: number): string {
  return seconds > 0 ? `${what} ${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s` : '';
}

/** E.g. "812 tokens in (700 cached), 45 out"; empty where none were used. */
export function tokens(usage: IUsage): string {
  if (usage.prompt + usage.completion === 0) {
    return '';
  }
  const cached = usage.cached ? ` (${counted(usage.cached)} cached)` : '';
  return `${usage.estimated ? 'about ' : ''}${counted(usage.prompt)} tokens in${cached}, ${counted(usage.completion)} out`;
}

/** E.g. "857 tokens" or "12.3k tokens": all of them, in few characters. */
export function tokensShort(usage: IUsage): string {
  const all = usage.prompt + usage.completion;
  return `${all < 10_000 ? all.toString() : `${(all / 1000).toFixed(all < 100_000 ? 1 : 0)}k`} tokens`;
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
  const words = { answered: 'answered', limit: 'at a limit', stopped: 'stopped', failed: 'failed', open: 'under way' };
  const steps = `${turn.steps.length} ${turn.steps.length === 1 ? 'step' : 'steps'}`;
  return [words[turn.outcome], steps, took('', turn.seconds).trim(), turn.usage.prompt ? tokensShort(turn.usage) : ''].filter(Boolean).join(' · ');
}

function counted(number: number): string {
  return number.toLocaleString('en');
}
