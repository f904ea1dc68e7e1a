/** Announces a step that waits for the user and is not visible. */
import { Notification } from '@jupyterlab/apputils';
import type { ICodeAct } from '../lab/tokens';
import type { Agent } from '../protocol/agent';
import type { PendingStep } from '../protocol/pending';
import { stepName } from '../text/captions';

/** Milliseconds after which a step that is not visible is announced: views need a moment to appear. */
const PATIENCE = 500;
/** Findings that an announcement names at most. */
const MOST_FINDINGS = 3;

export class Announcer {
  private _shown: string | null = null;

  constructor(
    private readonly _codeact: ICodeAct,
    private readonly _agent: Agent,
    private readonly _goTo: () => void
  ) {
    _agent.pended.connect((_, pending) => {
      setTimeout(() => {
        this._announce(pending);
      }, PATIENCE);
    });
    _agent.changed.connect(this._onChanged, this);
    // The step may be visible now: the notebook is in front, or the panel is open.
    _codeact.tracker.currentChanged.connect(this._onChanged, this);
    _agent.session.disposed.connect(this._dismiss, this);
  }

  private _announce(pending: PendingStep): void {
    if (pending.phase === 'over' || !this._codeact.settings.notifications || this._codeact.viewOf(pending)) {
      return;
    }
    this._dismiss();
    const findings = pending.step.findings.length ? `: ${pending.step.findings.slice(0, MOST_FINDINGS).join(', ')}` : '';
    const name = stepName(pending.step).toLowerCase();
    const notebook = this._codeact.panelOf(this._agent)?.title.label ?? 'CodeAct';
    this._shown = Notification.info(`${notebook}: ${name} waits for you${findings}`, {
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
