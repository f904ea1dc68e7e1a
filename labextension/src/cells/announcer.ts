/** What the user is told beside the notebook: errors, and, once, a step that waits where nobody sees it. */
import { Notification } from '@jupyterlab/apputils';
import type { Agent } from './agents';
import { stepName } from './captions';
import type { CodeAct } from './codeact';
import type { PendingStep } from './pending';

/** Milliseconds after which a step that nobody sees is announced: views need a moment to come up. */
const PATIENCE = 500;

/** Tell the user of an error until it is put away. JupyterLab would keep it in its list, unseen, otherwise. */
export function complain(line: string): void {
  Notification.error(line, { autoClose: false });
}

export class Announcer {
  private _shown: string | null = null;

  constructor(
    private readonly _codeact: CodeAct,
    private readonly _agent: Agent,
    private readonly _goTo: () => void
  ) {
    _agent.pended.connect((_, pending) => {
      setTimeout(() => {
        this._announce(pending);
      }, PATIENCE);
    });
    _agent.changed.connect(this._onChanged, this);
    // It is seen now: the notebook was brought to the front, or the panel was opened.
    _codeact.tracker.currentChanged.connect(this._onChanged, this);
    _agent.session.disposed.connect(this._dismiss, this);
  }

  private _announce(pending: PendingStep): void {
    if (pending.phase === 'over' || !this._codeact.settings.notifications || this._codeact.viewOf(pending)) {
      return;
    }
    this._dismiss();
    const findings = pending.step.findings.length ? `: ${pending.step.findings.slice(0, 3).join(', ')}` : '';
    const name = stepName(pending.step).toLowerCase();
    this._shown = Notification.info(`${this._codeact.panelOf(this._agent)?.title.label ?? 'CodeAct'}: ${name} waits for you${findings}`, {
      autoClose: false,
      actions: [
        {
          label: 'Show',
          displayType: 'accent',
          callback: this._goTo
        }
      ]
    });
  }

  private _onChanged(): void {
    requestAnimationFrame(() => {
      const { pending } = this._agent;
      if (!pending || this._codeact.viewOf(pending)) {
        this._dismiss();
      }
    });
  }

  private _dismiss(): void {
    if (this._shown !== null) {
      Notification.dismiss(this._shown);
      this._shown = null;
    }
  }
}
