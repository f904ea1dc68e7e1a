/** The item in the status bar: the activity of the active notebook's agent. A click shows the pending step. */
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import type { ICodeAct, INotebook } from '../lab/tokens';
import { button, setText } from '../step/dom';
import { ACTIVITY_WORDS, progressWords, tokensShort } from '../text/captions';

export class StatusItem extends Widget {
  private _notebook: INotebook | null = null;
  private readonly _button: HTMLButtonElement;
  private readonly _activeChanged = new Signal<this, void>(this);

  constructor(private readonly _codeact: ICodeAct) {
    super();
    this.addClass('codeact-StatusItem');
    this._button = button('', '', () => {
      this._show();
    });
    this.node.append(this._button);
    _codeact.tracker.currentChanged.connect(this._onNotebook, this);
    this._onNotebook();
  }

  get isActive(): boolean {
    return Boolean(this._notebook?.agent.state);
  }

  get activeChanged(): ISignal<this, void> {
    return this._activeChanged;
  }

  private _onNotebook(): void {
    this._notebook?.agent.changed.disconnect(this._update, this);
    this._notebook = this._codeact.notebook;
    this._notebook?.agent.changed.connect(this._update, this);
    this._update();
  }

  private _update(): void {
    const agent = this._notebook?.agent;
    const state = agent?.state;
    if (state) {
      const progress = progressWords(state.turn, agent.step);
      const usage = progress && state.turn?.usage.prompt ? tokensShort(state.turn.usage) : '';
      setText(this._button, `CodeAct: ${[ACTIVITY_WORDS[state.agent], progress, usage].filter(Boolean).join(' · ')}`);
      this._button.title = state.pending ? 'Show the step that waits for you' : 'Show the CodeAct panel';
      this.node.dataset.agent = state.agent;
    }
    this._activeChanged.emit();
  }

  private _show(): void {
    if (this._notebook?.agent.pending) {
      void this._codeact.show(this._notebook);
    } else {
      this._codeact.showPanel();
    }
  }
}
