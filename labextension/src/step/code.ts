/** The code of a step: in an editor while the user may change it, else as coloured text. */
import { PanelLayout, Widget } from '@lumino/widgets';
import type { PendingStep } from '../protocol/pending';
import { grouped, stepName } from '../text/captions';
import { HIDDEN, written } from '../text/hidden';
import { button, h, setText, toggle } from './dom';
import type { IDraftEditor, IServices } from './services';
import { mark, markHidden } from './visible';

/** Characters of a line, and of all lines, that are laid out at first: more can make the browser hang. */
const MOST_LINE = 2_000;
const MOST = 100_000;

export class CodeView extends Widget {
  private _editor: IDraftEditor | null = null;
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
    private readonly _services: IServices,
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
    // Long code scrolls here, and the keyboard must reach it.
    this._pre.tabIndex = -1;
  }

  get editor(): IDraftEditor | null {
    return this._editor;
  }

  /** Let the user change the draft of `pending`. */
  edit(pending: PendingStep): void {
    if (this._edited !== pending) {
      this._close();
      this._edited = pending;
      this._text = null;
      this._editor = this._open(pending);
      this._inside.insertWidget(0, this._editor.widget);
      this._pre.hidden = true;
      this._setWhole(false);
      this._resized.observe(this._editor.content ?? this.node);
    }
    this._editor?.setReadOnly(!(pending.phase === 'new' || pending.isOpen));
  }

  /** Show code that cannot be changed; only its first lines if `folded`. */
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

  private _open(pending: PendingStep): IDraftEditor {
    this.setHidden(false);
    const label = `Code of ${stepName(pending.step).toLowerCase()}`;
    return this._services.openEditor(pending, { label, config: this._config(), hidden: HIDDEN, mark });
  }

  private _setWhole(isWhole: boolean): void {
    this._isWhole = isWhole;
    this.toggleClass('codeact-mod-whole', isWhole);
    setText(this._whole, isWhole ? 'Show less' : 'Show all');
    this._whole.setAttribute('aria-expanded', String(isWhole));
    this._measure();
  }

  /** Show the size of code that does not fit: some systems hide scroll bars. */
  private _measure(): void {
    const box = this.node.querySelector('.cm-scroller') ?? this._pre;
    toggle(this._foot, this._isWhole || box.scrollHeight > box.clientHeight + 1);
    const code = this._text ?? this._edited?.draft.sharedModel.getSource() ?? '';
    const lines = code.split('\n').length;
    setText(this._size, lines > 1 ? `${grouped(lines)} lines` : `${grouped(code.length)} characters`);
  }

  private _close(): void {
    this._editor?.widget.dispose();
    this._editor = null;
    this._edited = null;
  }

  private async _paint(code: string, shown: string): Promise<void> {
    const painted = h('code');
    await this._services.highlight(shown, shown.length < MOST, painted);
    if (this._text !== code) {
      return;
    }
    markHidden(painted);
    this._pre.replaceChildren(painted);
    this._measure();
    if (shown !== code) {
      this._pre.append(
        button('codeact-Link', `Show all ${grouped(code.length)} characters`, () => {
          // As one text: a hundred thousand elements can make the browser hang.
          this._pre.textContent = written(code);
          this._measure();
        })
      );
    }
  }
}

function clipped(code: string): string {
  const lines = code.slice(0, MOST).split('\n');
  return lines.map(line => (line.length > MOST_LINE ? `${line.slice(0, MOST_LINE)} …` : line)).join('\n');
}
