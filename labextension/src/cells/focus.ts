/** Moves the focus: to a step that begins to wait, and back to the notebook once the agent is idle. */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ICodeAct } from '../lab/tokens';
import type { Agent } from '../protocol/agent';
import type { PendingStep } from '../protocol/pending';

export class FocusGuide {
  /** The cell that was active before the focus moved to a step. */
  private _before: number | null = null;
  private _wasActive = false;

  constructor(
    private readonly _codeact: ICodeAct,
    private readonly _agent: Agent
  ) {
    _agent.pended.connect((_, pending) => {
      // The views follow the agent: they are visible once the browser has laid them out.
      requestAnimationFrame(() => {
        this._goTo(pending);
      });
    });
    _agent.changed.connect(this._onChanged, this);
  }

  private _goTo(pending: PendingStep): void {
    const panel = this._panel;
    if (pending.phase === 'over' || !panel || !this._mayMove(panel)) {
      return;
    }
    const { focused } = this._codeact;
    const inPanel = focused !== null && !panel.node.contains(focused.node);
    const views = [...this._codeact.views].filter(view => view.pending === pending && view.isVisible);
    const view = views.find(one => panel.node.contains(one.node) !== inPanel) ?? views[0];
    if (!view) {
      return;
    }
    if (!focused) {
      this._before = panel.content.activeCellIndex;
    }
    view.focus();
    if (this._codeact.settings.autoScroll) {
      view.node.scrollIntoView({ block: 'nearest' });
    }
  }

  private _onChanged(): void {
    const ended = this._wasActive && !this._agent.isActive;
    this._wasActive = this._agent.isActive;
    const panel = this._panel;
    if (!ended || !panel) {
      return;
    }
    const { focused } = this._codeact;
    const stays = focused ? focused.agent !== this._agent : hasFocus(document.activeElement);
    if (!stays) {
      this._goBack(panel);
    }
  }

  private _goBack(panel: NotebookPanel): void {
    const { content } = panel;
    if (this._before !== null && this._before < content.widgets.length) {
      content.activeCellIndex = this._before;
    }
    this._before = null;
    content.activate();
  }

  /** The agent's notebook, if it is the active one. */
  private get _panel(): NotebookPanel | null {
    const panel = this._codeact.panelOf(this._agent);
    return panel?.isVisible && panel === this._codeact.tracker.currentWidget ? panel : null;
  }

  /** Return whether the focus is in the notebook, in the panel or nowhere, and the user is not writing. */
  private _mayMove(panel: NotebookPanel): boolean {
    const active = document.activeElement;
    const here = !hasFocus(active) || panel.node.contains(active) || Boolean(active?.closest('.codeact-Panel'));
    return here && !this._codeact.typing.isWriting;
  }
}

function hasFocus(active: Element | null): boolean {
  return active !== null && active !== document.body;
}
