/** The step that waits for the user. All views of it share one, so that an edit in one view shows in the others. */
import { type ISignal, Signal } from '@lumino/signaling';
import type { Plain } from './requests';
import type { IStep } from './steps';

/** The text that the user edits. JupyterLab's editor models are such. */
export interface IDraft {
  readonly sharedModel: {
    getSource(): string;
    setSource(source: string): void;
    readonly changed: ISignal<unknown, unknown>;
  };
  dispose(): void;
}

export type NewDraft = (code: string) => IDraft;

/** Sends a decision to the kernel. Resolves to an empty string, or to the reason why the kernel refused it. */
export type Send = (request: Plain) => Promise<string>;

/** Milliseconds for which a new step accepts no decision: a second click was meant for the step before. */
export const SETTLING = 300;

export class PendingStep {
  /** Whether the step was just shown, is open to a decision, has its decision sent, or is decided (by any view). */
  phase: 'new' | 'open' | 'sent' | 'over' = 'new';
  /** Whether the decision was made in this browser tab. */
  ours = false;
  /** Why the kernel refused the last decision; else empty. */
  error = '';
  readonly draft: IDraft;

  private readonly _shown: string;
  private _source: string;
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    readonly step: IStep,
    newDraft: NewDraft,
    private readonly _send: Send
  ) {
    // Editors know one line ending; Python reads all three the same.
    this._source = this._shown = step.code.replace(/\r\n?/g, '\n');
    this.draft = newDraft(this._shown);
    this.draft.sharedModel.changed.connect(this._onEdited, this);
    setTimeout(() => {
      this._enter('open', 'new');
    }, SETTLING);
  }

  /** Emitted when the phase, the error or the draft changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get edited(): boolean {
    return this._source !== this._shown;
  }

  /** The code that an approval would send: the edited text, or the exact proposal if nobody edited it. */
  get code(): string {
    return this.edited ? this._source : this.step.code;
  }

  /** Whether a model gets to know the decision. Only a turn has one. */
  get hasModel(): boolean {
    return this.step.of === 'turn';
  }

  get isOpen(): boolean {
    return this.phase === 'open';
  }

  approve(all = false): Promise<void> {
    return this._decide({ op: 'decide', id: this.step.id, decision: 'approve', code: this.code, all });
  }

  reject(reason: string): Promise<void> {
    return this._decide({ op: 'decide', id: this.step.id, decision: 'reject', reason });
  }

  /** Show why a decision is not possible now; an empty string if it is. */
  tell(error: string): void {
    if (this.phase !== 'over' && this.phase !== 'sent' && this.error !== error) {
      this.error = error;
      this._changed.emit();
    }
  }

  /** Record that the kernel no longer waits for this step. */
  end(): void {
    this.phase = 'over';
    this._changed.emit();
  }

  dispose(): void {
    this.phase = 'over';
    Signal.clearData(this);
    this.draft.dispose();
  }

  private async _decide(request: Plain): Promise<void> {
    if (!this.isOpen) {
      return;
    }
    this.error = '';
    this._enter('sent', 'open');
    const error = await this._send(request);
    this.error = error;
    this.ours = error === '';
    this._enter('open', 'sent', error !== '');
    this._changed.emit();
  }

  private _enter(phase: 'open' | 'sent', from: 'new' | 'open' | 'sent', when = true): void {
    if (when && this.phase === from) {
      this.phase = phase;
      this._changed.emit();
    }
  }

  private _onEdited(): void {
    this._source = this.draft.sharedModel.getSource();
    this._changed.emit();
  }
}
