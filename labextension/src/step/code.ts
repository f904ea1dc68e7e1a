/** A step's code: in JupyterLab's editor while the user may change it, as coloured text before and after. */
import { highlightSpecialChars, EditorView } from '@codemirror/view';
import { CodeEditor, CodeEditorWrapper } from '@jupyterlab/codeeditor';
import { PanelLayout, Widget } from '@lumino/widgets';
import { grouped, stepName } from './captions';
import { button, h, setText, toggle } from './dom';
import { HIDDEN, describe, pieces, written } from './hidden';
import type { Draft, PendingStep } from './pending';
import type { IStage } from './stage';

const PYTHON = 'text/x-ipython';

/** Characters of a line, and of all lines, that are laid out at first: a page can hang on more. */
const MOST_LINE = 2_000;
const MOST = 100_000;

/** Return a draft that JupyterLab's editors can share. */
export function newDraft(code: string): Draft {
  const model = new CodeEditor.Model({ mimeType: PYTHON });
  model.sharedModel.setSource(code);
  model.sharedModel.clearUndoHistory();
  return model;
}

export class CodeView extends Widget {
  private _editor: CodeEditorWrapper | null = null;
  private _edited: PendingStep | null = null;
  private _text: string | null = null;
  private _isWhole = false;
  private readonly _pre = h('pre', 'codeact-Code-text');
  private readonly _inside = new PanelLayout();
  private readonly _size = h('span');
  private readonly _whole = button('codeact-Link', '', () => {
    this._setWhole(!this._isWhole);
  });
  private readonly _foot = h('div', 'codeact-Code-foot', this._size, this._whole);
  private readonly _resized = new ResizeObserver(() => {
    this._measure();
  });

  constructor(
    private readonly _stage: IStage,
    /** The settings of the notebook's own code cells. */
    private readonly _config: () => Record<string, unknown>
  ) {
    super();
    this.addClass('codeact-Code');
    this.layout = this._inside;
    this._inside.addWidget(new Widget({ node: this._pre }));
    this._inside.addWidget(new Widget({ node: this._foot }));
    this._resized.observe(this.node);
    this._setWhole(false);
    // A long code scrolls here: the keyboard has to be able to get to it.
    this._pre.tabIndex = -1;
  }

  get editor(): CodeEditor.IEditor | null {
    return this._editor?.editor ?? null;
  }

  /** Let the user change the draft of `pending`. */
  edit(pending: PendingStep): void {
    if (this._edited !== pending) {
      this._close();
      this._edited = pending;
      this._text = null;
      this._editor = this._open(pending);
      this._inside.insertWidget(0, this._editor);
      this._pre.hidden = true;
      this._setWhole(false);
      this._resized.observe(this._editor.editor.host.querySelector('.cm-content') ?? this.node);
    }
    this.editor?.setOption('readOnly', !(pending.phase === 'new' || pending.isOpen));
  }

  /** Show a text that cannot be changed; of one that is done with, `folded`, the first lines. */
  setText(code: string, folded: boolean): void {
    this.toggleClass('codeact-mod-folded', folded);
    if (this._text === code) {
      return;
    }
    this._close();
    this._text = code;
    this._setWhole(false);
    this.setHidden(code === '');
    this._pre.hidden = false;
    void this._paint(code, clipped(code));
  }

  override dispose(): void {
    this._resized.disconnect();
    this._close();
    super.dispose();
  }

  private _open(pending: PendingStep): CodeEditorWrapper {
    this.setHidden(false);
    return new CodeEditorWrapper({
      model: pending.draft as CodeEditor.Model,
      factory: options => this._stage.editors.factoryService.newInlineEditor(options),
      editorOptions: {
        // Wrapped, whatever the notebook's cells are: what stands far to the right runs as well.
        config: { ...this._config(), lineWrap: true },
        extensions: [
          highlightSpecialChars({ addSpecialChars: HIDDEN, render: code => mark(code) }),
          EditorView.contentAttributes.of({ 'aria-label': `Code of ${stepName(pending.step).toLowerCase()}` })
        ]
      }
    });
  }

  private _setWhole(isWhole: boolean): void {
    this._isWhole = isWhole;
    this.toggleClass('codeact-mod-whole', isWhole);
    setText(this._whole, isWhole ? 'Show less' : 'Show all');
    this._whole.setAttribute('aria-expanded', String(isWhole));
    this._measure();
  }

  /** Say how much there is where it does not all fit: scroll bars are not seen everywhere. */
  private _measure(): void {
    const box = this.node.querySelector('.cm-scroller') ?? this._pre;
    toggle(this._foot, this._isWhole || box.scrollHeight > box.clientHeight + 1);
    const code = this._text ?? this.editor?.model.sharedModel.getSource() ?? '';
    const lines = code.split('\n').length;
    setText(this._size, lines > 1 ? `${grouped(lines)} lines` : `${grouped(code.length)} characters`);
  }

  private _close(): void {
    this._editor?.dispose();
    this._editor = null;
    this._edited = null;
  }

  private async _paint(code: string, shown: string): Promise<void> {
    const painted = h('code');
    const language = shown.length < MOST ? this._stage.languages.findByMIME(PYTHON) : null;
    await this._stage.languages.highlight(shown, language, painted);
    if (this._text !== code) {
      return;
    }
    markHidden(painted);
    this._pre.replaceChildren(painted);
    this._measure();
    if (shown !== code) {
      this._pre.append(
        button('codeact-Link', `Show all ${grouped(code.length)} characters`, () => {
          // As one text: a page can hang on a hundred thousand elements.
          this._pre.textContent = written(code);
          this._measure();
        })
      );
    }
  }
}

/** Return a text as nodes, its hidden characters written out. */
export function visible(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(text)) {
    fragment.append(typeof piece === 'string' ? piece : mark(piece));
  }
  return fragment;
}

function mark(code: number): HTMLElement {
  const { mark, name } = describe(code);
  const element = h('span', 'codeact-Hidden', mark);
  element.title = name;
  element.setAttribute('aria-label', `${name}, ${mark}`);
  return element;
}

function markHidden(root: HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) {
    if (HIDDEN.test(walker.currentNode.nodeValue ?? '')) {
      found.push(walker.currentNode as Text);
    }
  }
  for (const text of found) {
    text.replaceWith(visible(text.data));
  }
}

function clipped(code: string): string {
  const lines = code.slice(0, MOST).split('\n');
  return lines.map(line => (line.length > MOST_LINE ? `${line.slice(0, MOST_LINE)} …` : line)).join('\n');
}
