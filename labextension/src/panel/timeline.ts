/** The turns of an agent, the newest first, and their steps, each of them a link to its cell. */
import type { IState, IStepLine, IThread, ITurnLine } from '../protocol/state';
import { button, h } from '../step/dom';
import { outcomeWords, plain, stepName } from '../text/captions';

export class Timeline {
  readonly node = h('div', 'codeact-Timeline');
  private _shown = '';

  /** `go` shows the step with an id in the notebook. */
  constructor(private readonly _go: (id: string) => void) {}

  setState(state: IState | null): void {
    const threads = state?.threads ?? [];
    const key = JSON.stringify(threads);
    if (key !== this._shown) {
      this._shown = key;
      this.node.replaceChildren(...threads.map(thread => this._thread(thread, threads.length > 1)));
    }
  }

  private _thread(thread: IThread, named: boolean): HTMLElement {
    const turns = [...thread.turns].reverse().map(turn => this._turn(turn));
    const section = h('section', 'codeact-Thread', ...(named ? [h('h3', '', thread.name)] : []), ...turns);
    section.setAttribute('aria-label', `Conversation ${thread.name}`);
    return section;
  }

  private _turn(turn: ITurnLine): HTMLElement {
    const prompt = h('div', 'codeact-Turn-prompt', turn.prompt);
    prompt.title = turn.prompt;
    const steps = h('ol', 'codeact-Turn-steps', ...turn.steps.map(step => h('li', '', this._step(step))));
    const words = h('div', 'codeact-Turn-outcome', outcomeWords(turn));
    words.title = turn.note;
    const article = h('article', 'codeact-Turn', prompt, steps, words);
    article.dataset.outcome = turn.outcome;
    return article;
  }

  private _step(step: IStepLine): HTMLElement {
    const link = button('codeact-Turn-step', '', () => {
      this._go(step.id);
    });
    const label = plain(step.label);
    const name = stepName(step).replace(/^Step /, '');
    link.append(h('span', 'codeact-Dot'), h('span', 'codeact-Turn-number', name), h('span', 'codeact-Turn-label', label));
    link.dataset.status = step.status;
    link.dataset.ok = String(step.ok);
    link.title = label;
    link.setAttribute('aria-label', `${stepName(step)}, ${step.status}: ${label}. Show it in the notebook.`);
    return link;
  }
}
