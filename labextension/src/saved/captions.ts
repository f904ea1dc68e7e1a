/** The words for what a session notebook records. */
import { VERDICT_WORDS } from '../protocol/generated';
import type { IStep, Outcome } from '../protocol/steps';
import { OUTCOME_WORDS, cost, counted, decider, joined, spent, tokens } from '../text/captions';
import type { ISaved, ITurnMark } from './reader';

const SAVED_OUTCOME_WORDS: Readonly<Record<Outcome, string>> = { ...OUTCOME_WORDS, open: 'broken off' };

/** Models of a session that are named at most. */
const MOST_MODELS = 3;

/** Return how a turn went, and what it took. */
export function turnWords(turn: ITurnMark): string {
  return joined(SAVED_OUTCOME_WORDS[turn.outcome], counted(turn.steps, 'step'), ...cost(turn), turn.model, `approval: ${turn.approve}`);
}

/** Return when a session began, and what is in it. */
export function sessionWords({ turns }: ISaved, started: string): string {
  const steps = turns.reduce((sum, turn) => sum + turn.steps, 0);
  const models = [...new Set(turns.map(turn => turn.model))].slice(0, MOST_MODELS);
  const last = turns.at(-1)?.outcome ?? 'answered';
  const ended = last === 'answered' ? '' : SAVED_OUTCOME_WORDS[last];
  return joined(`A session of ${started}`, counted(turns.length, 'turn'), counted(steps, 'step'), ...models, ended);
}

/** Return who decided about a step, e.g. "run by you"; an empty string if nobody did. */
export function deciderWords(step: IStep): string {
  if (step.decision === '') {
    return '';
  }
  const verb = step.decision === 'approve' ? 'run' : VERDICT_WORDS[step.decision];
  return `${verb} by ${decider(step)}`;
}

/** Return why a step was rejected, and what it took. */
export function savedWords(step: IStep): string {
  return joined(step.reason && `“${step.reason}”`, step.model, ...spent(step), tokens(step.usage));
}
