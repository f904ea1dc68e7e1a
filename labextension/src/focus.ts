/** Where the focus goes: to a step that begins to wait, and back to the notebook when the agent is done. */
import type { CodeAct, INotebook } from './codeact';
import type { PendingStep } from './pending';

export class FocusGuide {
  /** The cell that was active before the focus was taken from it. */
  private _before: number | null = null;
  private _wasActive = false;

  constructor(
    private readonly _codeact: CodeAct,
    private readonly _notebook: INotebook
  ) {
    const { agent } = _notebook;
    agent.pended.connect((_, pending) => {
      // The views follow the agent; they are there when the browser has laid them out.
      requestAnimationFrame(() => {
        this._goTo(pending);
      });
    });
    agent.changed.connect(this._onChanged, this);
  }

  private _goTo(pending: PendingStep): void {
    if (pending.phase === 'over' || !this._mayMove()) {
      return;
    }
    const { focused } = this._codeact;
    const inPanel = focused !== null && !this._notebook.panel.node.contains(focused.node);
    const views = [...this._codeact.stage.views].filter(view => view.pending === pending && view.isVisible);
    const view = views.find(one => this._notebook.panel.node.contains(one.node) !== inPanel) ?? views[0];
    if (!view) {
      return;
    }
    if (!focused) {
      this._before = this._notebook.panel.content.activeCellIndex;
    }
    view.focus();
    if (this._codeact.settings.autoScroll) {
      view.node.scrollIntoView({ block: 'nearest' });
    }
  }

  private _onChanged(): void {
    const { agent, panel } = this._notebook;
    const ended = this._wasActive && !agent.isActive;
    this._wasActive = agent.isActive;
    if (!ended) {
      return;
    }
    const stays = this._codeact.focused ? this._codeact.focused.agent !== agent : hasFocus(document.activeElement);
    if (!stays && this._codeact.tracker.currentWidget === panel && panel.isVisible) {
      this._goBack();
    }
  }

  private _goBack(): void {
    const { content } = this._notebook.panel;
    if (this._before !== null && this._before < content.widgets.length) {
      content.activeCellIndex = this._before;
    }
    this._before = null;
    content.activate();
  }

  /** Whether the focus is here, and not where somebody is writing. */
  private _mayMove(): boolean {
    const { panel } = this._notebook;
    const active = document.activeElement;
    const here = !hasFocus(active) || panel.node.contains(active) || Boolean(active?.closest('.codeact-Panel'));
    return here && panel.isVisible && this._codeact.tracker.currentWidget === panel && !this._codeact.typing.isWriting;
  }
}

function hasFocus(active: Element | null): boolean {
  return active !== null && active !== document.body;
}
