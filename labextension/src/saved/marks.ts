/** What is shown above and below a cell of a session. It is not part of the notebook's model: the file is unchanged. */
import type { Cell } from '@jupyterlab/cells';
import type { PanelLayout } from '@lumino/widgets';
import { Widget } from '@lumino/widgets';
import type { IStep } from '../protocol/steps';
import { button, h, setText, toggle } from '../step/dom';
import { diffTable } from '../step/visible';
import { statusWords, stepName } from '../text/captions';
import { written } from '../text/hidden';
import { warnings } from '../text/unseen';
import { deciderWords, savedWords, turnWords } from './captions';
import type { IStepMark, Mark } from './reader';

/** Milliseconds after the last change of a cell's code before it is searched again. */
const SETTLING = 300;
const INPUT = 'jp-Cell-inputWrapper';

/** The marks of one cell, added once JupyterLab has laid it out. */
export class CellMarks {
  private _mark: Mark | null = null;
  private _shown = '';
  private _warned = '';
  private _top: Widget | null = null;
  private _warning: Widget | null = null;
  private _bottom: Widget | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly _cell: Cell) {
    void _cell.ready.then(() => {
      this._render();
      this._warn();
      _cell.model.contentChanged.connect(this._onContent, this);
    });
  }

  setMark(mark: Mark | null): void {
    this._mark = mark;
    if (!this._cell.isPlaceholder()) {
      this._render();
      this._warn();
    }
  }

  private _render(): void {
    const key = JSON.stringify(this._mark);
    if (this._cell.isDisposed || key === this._shown) {
      return;
    }
    this._shown = key;
    this._top?.dispose();
    this._bottom?.dispose();
    this._top = this._add(this._mark && top(this._mark), 0);
    this._bottom = this._add(this._mark?.is === 'step' && this._mark.ends ? bottom(this._mark) : null, 1);
  }

  private _onContent(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._warn();
    }, SETTLING);
  }

  /** Warn about code that does not read as it runs. */
  private _warn(): void {
    if (this._cell.isDisposed) {
      return;
    }
    const lines = warnings(this._code());
    const key = lines.join('\n');
    if (key !== this._warned) {
      this._warned = key;
      this._warning?.dispose();
      this._warning = this._add(lines.length ? warning(lines) : null, 0);
    }
  }

  /** Return the cell's code, or the code that its text shows. */
  private _code(): string {
    if (this._cell.model.type === 'code') {
      return this._cell.model.sharedModel.getSource();
    }
    return this._mark?.is === 'step' && this._mark.ends ? this._mark.step.code : '';
  }

  /** Add an element right above or below the cell's input. */
  private _add(node: HTMLElement | null, offset: 0 | 1): Widget | null {
    if (!node) {
      return null;
    }
    const layout = this._cell.layout as PanelLayout;
    const widget = new Widget({ node });
    const input = layout.widgets.findIndex(one => one.hasClass(INPUT));
    layout.insertWidget(Math.max(input, 0) + offset, widget);
    return widget;
  }
}

function top(mark: Mark): HTMLElement | null {
  switch (mark.is) {
    case 'turn':
      return head(`Turn ${mark.number}`, turnWords(mark), { outcome: mark.outcome });
    case 'home':
      return head('Folder', 'goes to where the code ran', { status: 'cell' });
    case 'context':
      return head(mark.earlier ? 'Earlier action' : 'Your cell', mark.failed ? 'failed' : '', { status: 'cell' });
    case 'step':
      return mark.begins ? stepHead(mark.step) : null;
  }
}

function stepHead(step: IStep): HTMLElement {
  if (step.status === 'answer') {
    return head('Answer', '', { status: 'answer' });
  }
  const decision = written(deciderWords(step));
  const words = decision && isShownByDecision(step) ? '' : statusWords(step, false);
  const made = head(stepName(step), words, { status: step.status, ok: String(step.ok) });
  if (decision) {
    made.append(h('span', 'codeact-Badge', decision));
    made.setAttribute('aria-label', `${made.getAttribute('aria-label') ?? ''}, ${decision}`);
  }
  return made;
}

/** Return whether the decision alone shows the status of a step. */
function isShownByDecision(step: IStep): boolean {
  return step.ok ?? (step.status === 'rejected' || step.status === 'stopped');
}

function head(title: string, words: string, data: Record<string, string>): HTMLElement {
  const status = words ? [h('span', 'codeact-Status', written(words))] : [];
  const made = h('div', 'codeact-Mark codeact-mod-head', h('span', 'codeact-Dot'), h('span', 'codeact-Title', title), ...status);
  made.setAttribute('role', 'note');
  made.setAttribute('aria-label', `CodeAct, ${title.toLowerCase()}${words ? `: ${written(words)}` : ''}`);
  Object.assign(made.dataset, data);
  return made;
}

function warning(lines: readonly string[]): HTMLElement {
  const list = h('ul', 'codeact-Warnings', ...lines.map(line => h('li', '', written(line))));
  const made = h('div', 'codeact-Mark codeact-mod-warning', h('strong', '', 'This code is not what it looks like'), list);
  made.setAttribute('role', 'note');
  made.setAttribute('aria-label', `CodeAct, warning: ${lines.map(written).join('; ')}`);
  return made;
}

function bottom({ step }: IStepMark): HTMLElement {
  const made = h('div', 'codeact-Mark codeact-mod-foot');
  made.setAttribute('role', 'note');
  made.setAttribute('aria-label', `CodeAct, record of ${step.status === 'answer' ? 'the answer' : `step ${step.number}`}`);
  if (step.reasoning) {
    made.append(reasoning(step.reasoning));
  }
  if (step.findings.length) {
    const list = h('ul', 'codeact-Findings', ...step.findings.map(one => h('li', 'codeact-Finding', written(one))));
    list.setAttribute('aria-label', 'What it would touch');
    made.append(list);
  }
  for (const note of step.notes) {
    made.append(h('div', 'codeact-Record', written(note)));
  }
  made.append(...record(step));
  return made;
}

function record(step: IStep): HTMLElement[] {
  const line = h('div', 'codeact-Record', h('span', '', written(savedWords(step))));
  if (!step.ran || step.ran === step.code) {
    return [line];
  }
  const diff = h('div', 'codeact-Diff');
  toggle(diff, false);
  const link = button('codeact-Link', 'Show changes', () => {
    toggle(diff, diff.hidden);
    setText(link, diff.hidden ? 'Show changes' : 'Hide changes');
    link.setAttribute('aria-expanded', String(!diff.hidden));
    diff.replaceChildren(...(diff.hidden ? [] : [diffTable(step.code, step.ran)]));
  });
  link.setAttribute('aria-expanded', 'false');
  line.append(link);
  return [line, diff];
}

function reasoning(text: string): HTMLElement {
  const shown = h('pre');
  const made = h('details', 'codeact-Reasoning', h('summary', '', 'Reasoning'), shown);
  // Only once the user opens it: it may be long.
  made.addEventListener('toggle', () => {
    setText(shown, written(text));
  });
  return made;
}
