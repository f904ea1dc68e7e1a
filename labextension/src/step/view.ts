/** The view of one step: in a cell's output, in a second view of the notebook, or in the side panel. */
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import type { Agent } from '../protocol/agent';
import type { IPublished } from '../protocol/messages';
import type { PendingStep } from '../protocol/pending';
import { isAlone } from '../protocol/state';
import type { IStep } from '../protocol/steps';
import { elapsed, recordWords, statusWords, stepName } from '../text/captions';
import { Asking } from './asking';
import { CodeView } from './code';
import { button, h, setList, setText, toggle } from './dom';
import { MarkdownView } from './markdown';
import type { IServices } from './services';
import { diffTable } from './visible';

/** What surrounds a view. */
export interface ISurroundings {
  readonly services: IServices;
  /** The views that are attached to the document, in the order in which they were attached. */
  readonly views: Set<StepView>;
  /** The agent of the notebook that the view is in; null outside a notebook, where nothing can be decided. */
  readonly agent: Agent | null;
  /** The settings of the notebook's code cells. */
  readonly editorConfig: () => Record<string, unknown>;
}

export class StepView extends Panel {
  private _step: IStep | null = null;
  private _pending: PendingStep | null = null;
  private _timer: ReturnType<typeof setInterval> | undefined;
  private _diffing = false;
  private readonly _body = new Panel();
  private readonly _title = h('span', 'codeact-Title');
  private readonly _status = h('span', 'codeact-Status');
  private readonly _elapsed = h('span', 'codeact-Elapsed');
  private readonly _live = h('span', 'codeact-Announce');
  private readonly _findings = h('ul', 'codeact-Findings');
  private readonly _notes = h('ul', 'codeact-Notes');
  private readonly _reasoning = h('details', 'codeact-Reasoning');
  private readonly _reasoningText = h('pre');
  private readonly _thought: MarkdownView;
  private readonly _code: CodeView;
  private readonly _asking: Asking;
  private readonly _lost = h('details', 'codeact-Lost');
  private readonly _record = h('div', 'codeact-Record');
  private readonly _recordText = h('span');
  private readonly _changes: HTMLButtonElement;
  private readonly _diff = h('div', 'codeact-Diff');

  constructor(private readonly _around: ISurroundings) {
    super();
    this.addClass('codeact-Step');
    // The shortcuts' selectors contain it: so they are more specific than those of the notebook's command mode.
    this.node.dataset.codeactKeys = 'on';
    this._thought = new MarkdownView(_around.services);
    this._code = new CodeView(_around.services, _around.editorConfig);
    this._asking = new Asking(_around.services, {
      stop: () => void this._stopAgent(),
      focus: () => {
        this.focus();
      }
    });
    this._changes = button('codeact-Link', 'Show changes', () => {
      this._diffing = !this._diffing;
      this._render();
    });
    this._build();
    _around.agent?.changed.connect(this._onAgent, this);
    _around.agent?.published.connect(this._onPublished, this);
  }

  get agent(): Agent | null {
    return this._around.agent;
  }

  get step(): IStep | null {
    return this._step;
  }

  /** The step that can be decided here; null if there is none. */
  get pending(): PendingStep | null {
    return this._pending && this._pending.phase !== 'over' ? this._pending : null;
  }

  get asking(): Asking {
    return this._asking;
  }

  /** Show a step. While the kernel waits for it, the view shows what the kernel reports instead. */
  setStep(step: IStep): void {
    this._step = step;
    this._render();
  }

  /** Take the focus without placing a cursor, so that keys typed by mistake do no harm. */
  focus(): void {
    this._body.node.focus({ preventScroll: true });
  }

  /** Put the cursor into the code. */
  edit(): void {
    this._code.editor?.focus();
  }

  undo(): void {
    this._code.editor?.undo();
  }

  redo(): void {
    this._code.editor?.redo();
  }

  override dispose(): void {
    clearInterval(this._timer);
    this._around.views.delete(this);
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._around.views.add(this);
    this._render();
  }

  protected override onBeforeDetach(message: Message): void {
    this._around.views.delete(this);
    clearInterval(this._timer);
    this._timer = undefined;
    super.onBeforeDetach(message);
  }

  private _build(): void {
    this._body.addClass('codeact-Body');
    this._body.node.tabIndex = 0;
    this._body.node.setAttribute('role', 'group');
    this._live.setAttribute('role', 'status');
    this._elapsed.setAttribute('aria-hidden', 'true');
    this._findings.setAttribute('aria-label', 'What it would touch');
    this._reasoning.append(h('summary', '', 'Reasoning'), this._reasoningText);
    const head = h('div', 'codeact-Head', this._title, this._status, this._elapsed, this._live);
    this._record.append(this._recordText, this._changes);
    const layout = [
      new Widget({ node: head }),
      this._thought,
      new Widget({ node: this._reasoning }),
      this._code,
      new Widget({ node: h('div', '', this._findings, this._notes, this._asking.node, this._lost) }),
      new Widget({ node: h('div', '', this._record, this._diff) })
    ];
    for (const part of layout) {
      this._body.addWidget(part);
    }
    this.addWidget(this._body);
    this._body.node.addEventListener('keydown', event => {
      this._onKey(event);
    });
  }

  /** Escape moves the focus from the editor to the step, from which Tab moves on. */
  private _onKey(event: KeyboardEvent): void {
    const inside = event.target instanceof Element && event.target.closest('.cm-content');
    if (event.key === 'Escape' && inside && !event.defaultPrevented) {
      event.stopPropagation();
      this.focus();
    }
  }

  private async _stopAgent(): Promise<void> {
    const error = await this.agent?.stop();
    if (error && this._pending) {
      this._pending.error = error;
      this._render();
    }
  }

  private _onAgent(): void {
    this._render();
  }

  /** After a reload, the notebook does not update the steps that were already there. */
  private _onPublished(_: unknown, { step }: IPublished): void {
    if (step.id === this._step?.id) {
      this.setStep(step);
    }
  }

  private _follow(id: string): void {
    const current = this.agent?.pending;
    if (current?.step.id === id && current !== this._pending) {
      this._pending?.changed.disconnect(this._render, this);
      this._pending = current;
      current.changed.connect(this._render, this);
    }
  }

  private _render(): void {
    const published = this._step;
    if (!published || this.isDisposed) {
      return;
    }
    this._follow(published.id);
    const hadFocus = this.node.contains(document.activeElement);
    const pending = this.pending;
    const step = pending?.step ?? published;
    const live = pending !== null || this._isAt(step);
    this._renderHead(step, live);
    this._renderWords(step);
    if (pending) {
      this._code.edit(pending);
    } else {
      // Code that the user has consented to is folded: its result comes below.
      this._code.setText(step.ran || step.code, step.status === 'skipped');
    }
    const asked = this._pending?.step.id === step.id ? this._pending : null;
    this._asking.setPending(asked, live && !pending, isAlone(step, this.agent?.state?.turn ?? null));
    this._renderRecord(step, live);
    if (hadFocus && !focusIsUsable(this.node)) {
      this.focus();
    }
  }

  private _renderHead(step: IStep, live: boolean): void {
    const title = stepName(step);
    const words = statusWords(step, live);
    this.node.dataset.status = live || !isUnfinished(step) ? step.status : 'stale';
    this.node.dataset.ok = String(step.ok);
    setText(this._title, title);
    setText(this._status, step.status === 'answer' ? '' : words);
    setText(this._live, live ? `${title}: ${words}` : '');
    this._body.node.setAttribute('aria-label', `CodeAct, ${title.toLowerCase()}: ${words}`);
    this._tick(live && step.status !== 'pending');
  }

  private _tick(busy: boolean): void {
    toggle(this._elapsed, busy);
    if (busy && this._timer === undefined) {
      this._timer = setInterval(() => {
        this._showElapsed();
      }, 500);
    } else if (!busy) {
      clearInterval(this._timer);
      this._timer = undefined;
    }
    this._showElapsed();
  }

  private _showElapsed(): void {
    setText(this._elapsed, this.agent?.state?.agent === this._step?.status ? elapsed(this.agent?.seconds ?? 0) : '');
  }

  private _renderWords(step: IStep): void {
    this._thought.setText(step.thought);
    setText(this._reasoningText, step.reasoning);
    toggle(this._reasoning, step.reasoning !== '');
    setList(this._findings, step.findings, 'codeact-Finding');
    toggle(this._findings, step.findings.length > 0);
    setList(this._notes, step.notes, '');
    toggle(this._notes, step.notes.length > 0);
  }

  private _renderRecord(step: IStep, live: boolean): void {
    const edited = step.ran !== '' && step.ran !== step.code;
    toggle(this._record, !live);
    setText(this._recordText, recordWords(step));
    toggle(this._changes, edited);
    setText(this._changes, this._diffing ? 'Hide changes' : 'Show changes');
    const showsDiff = edited && this._diffing && !live;
    toggle(this._diff, showsDiff);
    this._diff.replaceChildren(...(showsDiff ? [diffTable(step.code, step.ran)] : []));
    this._renderLost();
  }

  /** Keep the user's edit if another decision came first. */
  private _renderLost(): void {
    const over = this._pending?.phase === 'over' ? this._pending : null;
    const lost = over !== null && !over.ours && over.edited;
    toggle(this._lost, lost);
    if (lost && !this._lost.hasChildNodes()) {
      this._lost.append(h('summary', '', 'Your edit, which did not run'), h('pre', '', over.code));
    }
  }

  private _isAt(step: IStep): boolean {
    return isUnfinished(step) && step.status !== 'pending' && (this.agent?.isAt(step) ?? false);
  }
}

function isUnfinished(step: IStep): boolean {
  return step.status === 'thinking' || step.status === 'pending' || step.status === 'running';
}

/** Return whether the focus is on something in `root` that takes keys. */
function focusIsUsable(root: HTMLElement): boolean {
  const active = document.activeElement;
  const disabled = active instanceof HTMLButtonElement && active.disabled;
  return active !== null && root.contains(active) && !disabled && active.getClientRects().length > 0;
}
