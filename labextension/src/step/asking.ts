/** The part of a step that asks the user: why it asks, the buttons, the reason for a rejection, and the changes. */
import type { PendingStep } from '../protocol/pending';
import { StepCommandIDs } from './commandIds';
import { button, h, setText, toggle } from './dom';
import type { IServices } from './services';
import { diffTable } from './visible';

export class Asking {
  readonly node = h('div', 'codeact-Asking');
  private _pending: PendingStep | null = null;
  private _busy = false;
  private _isAlone = false;
  private _rejecting = false;
  private _diffing = false;
  private readonly _why = h('span');
  private readonly _help = h('details', 'codeact-Why');
  private readonly _run: HTMLButtonElement;
  private readonly _allWords = h('span');
  private readonly _all: HTMLButtonElement;
  private readonly _no: HTMLButtonElement;
  private readonly _stop: HTMLButtonElement;
  private readonly _edited = h('span', 'codeact-Edited');
  private readonly _changes: HTMLButtonElement;
  private readonly _diff = h('div', 'codeact-Diff');
  private readonly _reason = h('input', 'codeact-Reason jp-mod-styled');
  private readonly _reasonRow = h('div', 'codeact-ReasonRow');
  private readonly _error = h('div', 'codeact-Error');

  constructor(
    private readonly _services: IServices,
    private readonly _act: {
      stop: () => void;
      /** Give the focus back to the step. */
      focus: () => void;
    }
  ) {
    this._run = this._button('jp-mod-accept codeact-mod-run', 'Run', StepCommandIDs.run, () => void this._pending?.approve());
    this._all = this._button('codeact-mod-all', this._allWords, StepCommandIDs.runAll, () => void this._pending?.approve(true));
    this._no = this._button('codeact-mod-reject', 'Reject', StepCommandIDs.reject, () => {
      this.askReason();
    });
    this._stop = this._button('codeact-mod-stop', 'Stop', StepCommandIDs.stop, this._act.stop);
    this._changes = button('codeact-Link', 'Show changes', () => {
      this._diffing = !this._diffing;
      this._update();
    });
    this._build();
  }

  /**
   * Ask about `pending`, if there is a pending step. While the agent is `busy` with a step, it can only be stopped.
   * After a step that `isAlone` there is no rest to run.
   */
  setPending(pending: PendingStep | null, busy: boolean, isAlone: boolean): void {
    this._busy = busy;
    this._isAlone = isAlone;
    if (this._pending !== pending) {
      this._pending = pending;
      this._rejecting = false;
      this._diffing = false;
      this._reason.value = '';
    }
    this._update();
  }

  /** Show the field for the reason of a rejection, and put the cursor there; without a model to read it, reject. */
  askReason(): void {
    if (this._pending?.isOpen && !this._pending.hasModel) {
      void this._pending.reject('');
    } else if (this._pending?.isOpen) {
      this._rejecting = true;
      this._update();
      this._reason.focus();
    }
  }

  /** Reject with the reason that was typed. */
  sendReason(): void {
    if (this._rejecting && this._pending) {
      void this._pending.reject(this._reason.value);
    }
  }

  private _build(): void {
    this._edited.append('edited', ' ', this._changes);
    const help = h('p', '', 'Which steps are asked for is set on the cell’s first line: ');
    help.append(
      h('code', '', '--approve ask'),
      ' for every step, ',
      h('code', '', '--approve risky'),
      ' for those that touch files, names, processes or the network, ',
      h('code', '', '--approve auto'),
      ' for none. ',
      h('code', '', "%config CodeAct.approve = 'risky'"),
      ' sets it for the notebook.'
    );
    this._help.append(h('summary', '', this._why, h('span', 'codeact-Link', 'Change')), help);
    this._reason.type = 'text';
    this._reason.placeholder = 'Why not? The model is told. Enter sends, Esc backs out.';
    this._reason.setAttribute('aria-label', 'Why this step is rejected');
    this._reason.addEventListener('keydown', event => {
      this._onKey(event);
    });
    const send = button('jp-mod-styled jp-mod-accept codeact-mod-send', 'Reject', () => {
      this.sendReason();
    });
    const back = button('jp-mod-styled', 'Back', () => {
      this._backOut();
    });
    this._reasonRow.append(this._reason, send, back);
    this._error.setAttribute('role', 'alert');
    const buttons = h('div', 'codeact-Buttons', this._run, this._all, this._no, this._stop, this._edited);
    this.node.append(this._help, buttons, this._reasonRow, this._error, this._diff);
  }

  private _update(): void {
    const pending = this._pending;
    const asks = pending !== null && pending.phase !== 'over';
    toggle(this.node, asks || this._busy || !!pending?.error);
    for (const part of [this._help, this._run, this._no]) {
      toggle(part, asks);
    }
    toggle(this._all, asks && !this._isAlone);
    setText(this._allWords, pending?.hasModel === false ? 'Run all' : 'Run all of this turn');
    toggle(this._stop, asks || this._busy);
    toggle(this._reasonRow, asks && this._rejecting);
    setText(this._error, pending?.error ?? '');
    toggle(this._error, !!pending?.error);
    for (const one of [this._run, this._all, this._no, ...this._reasonRow.querySelectorAll('button')]) {
      one.disabled = !pending?.isOpen;
    }
    setText(this._why, `Asked because: ${pending?.step.why ?? ''}. `);
    toggle(this._edited, asks && pending.edited);
    setText(this._changes, this._diffing ? 'Hide changes' : 'Show changes');
    this._changes.setAttribute('aria-expanded', String(this._diffing));
    this._showDiff(asks && this._diffing && pending.edited ? pending : null);
  }

  private _showDiff(pending: PendingStep | null): void {
    toggle(this._diff, pending !== null);
    this._diff.replaceChildren(...(pending ? [diffTable(pending.step.code, pending.code)] : []));
  }

  private _onKey(event: KeyboardEvent): void {
    if (!event.isTrusted || event.isComposing) {
      return;
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      this.sendReason();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      this._backOut();
    }
  }

  private _backOut(): void {
    this._rejecting = false;
    this._act.focus();
    this._update();
  }

  private _button(kind: string, label: string | HTMLElement, command: string, act: () => void): HTMLButtonElement {
    const made = button(`jp-mod-styled ${kind}`, '', act);
    made.append(label);
    const keys = this._services.keysOf(command);
    if (keys) {
      made.append(h('kbd', 'codeact-Key', keys));
      made.title = `${typeof label === 'string' ? label : 'Run all that follow, too'} (${keys})`;
    }
    return made;
  }
}
