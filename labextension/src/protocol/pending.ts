/** The step that waits for the user: one for all the views that show it, so that an edit in one is seen in the others. */
import type { CodeEditor } from '@jupyterlab/codeeditor';
import { type ISignal, Signal } from '@lumino/signaling';
import type { IStep, Request } from './protocol';

/** The text under edit, as JupyterLab's editors share it. */
export type Draft = Pick<CodeEditor.IModel, 'sharedModel' | 'mimeType' | 'dispose'>;

export type NewDraft = (code: string) => Draft;

/** How a decision gets to the kernel: resolves to an empty string, or to the line that says why it was not taken. */
export type Send = (request: Request) => Promise<string>;

/** Milliseconds for which a step that has just come up takes no decision: a second click was meant for the one before. */
export const SETTLING = 300;

export class PendingStep {
  /** Where the step stands: still to be shown, open to a decision, sent, or decided (here or elsewhere). */
  phase: 'new' | 'open' | 'sent' | 'over' = 'new';
  /** Whether the decision was taken in this page. */
  ours = false;
  /** The line that says why the last decision was not taken. */
  error = '';
  readonly draft: Draft;

  private readonly _shown: string;
  private _source: string;
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    readonly step: IStep,
    newDraft: NewDraft,
    private readonly _send: Send
  ) {
    // Editors know one line ending; Python reads all three alike.
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

  /** The code that an approval would send: what the editors show; to the byte the proposal where nobody edited it. */
  get code(): string {
    return this.edited ? this._source : this.step.code;
  }

  /** Whether there is a model that hears of the decision: in a replay there is none. */
  get isHeard(): boolean {
    return this.step.model !== '';
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

  /** Take note that the kernel waits for this step no longer. */
  end(): void {
    this.phase = 'over';
    this._changed.emit();
  }

  dispose(): void {
    this.phase = 'over';
    Signal.clearData(this);
    this.draft.dispose();
  }

  private async _decide(request: Request): Promise<void> {
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
