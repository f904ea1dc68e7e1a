/** A step that waits where the user cannot see it is announced once, with a button that goes there. */
import { Notification } from '@jupyterlab/apputils';
import type { CodeAct, INotebook } from './codeact';
import type { PendingStep } from './pending';

/** Milliseconds after which a step that nobody sees is announced: views need a moment to come up. */
const PATIENCE = 500;

export class Announcer {
  private _shown: string | null = null;

  constructor(
    private readonly _codeact: CodeAct,
    private readonly _notebook: INotebook,
    private readonly _goTo: (notebook: INotebook) => void
  ) {
    const { agent } = _notebook;
    agent.pended.connect((_, pending) => {
      setTimeout(() => {
        this._announce(pending);
      }, PATIENCE);
    });
    agent.changed.connect(this._onChanged, this);
    // It is seen now: the notebook was brought to the front, or the panel was opened.
    _codeact.tracker.currentChanged.connect(this._onChanged, this);
    agent.session.disposed.connect(this._dismiss, this);
  }

  private _announce(pending: PendingStep): void {
    if (pending.phase === 'over' || !this._codeact.settings.notifications || this._codeact.viewOf(pending)) {
      return;
    }
    this._dismiss();
    const { panel } = this._notebook;
    const findings = pending.step.findings.length ? `: ${pending.step.findings.slice(0, 3).join(', ')}` : '';
    this._shown = Notification.info(`${panel.title.label}: step ${pending.step.number} waits for you${findings}`, {
      autoClose: false,
      actions: [
        {
          label: 'Show',
          displayType: 'accent',
          callback: () => {
            this._goTo(this._notebook);
          }
        }
      ]
    });
  }

  private _onChanged(): void {
    requestAnimationFrame(() => {
      const { pending } = this._notebook.agent;
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
