/** Open session notebooks: each gets a banner, and its cells get marks. */
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IServices } from '../step/services';
import { Banner } from './banner';
import type { Companions } from './companion';
import { CellMarks } from './marks';
import { type IHead, readCells, readHead } from './reader';

/** The CSS class of session notebooks. The shortcuts' selectors contain it. */
export const SESSION = 'codeact-mod-session';

const KEY = 'codeact';

/** Show what a notebook records about a session, if it is one. */
export function followSession(panel: NotebookPanel, services: IServices, companions: Companions): void {
  void panel.context.ready.then(() => {
    const head = panel.isDisposed ? null : readHead(panel.content.model?.getMetadata(KEY));
    if (head) {
      new SessionNotebook(panel, head, services, companions);
    }
  });
}

class SessionNotebook {
  private readonly _banner: Banner;
  private readonly _marks = new WeakMap<Cell, CellMarks>();
  private _due = false;

  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _head: IHead,
    services: IServices,
    companions: Companions
  ) {
    this._banner = new Banner(services, way => void companions.begin(way, _panel));
    _panel.addClass(SESSION);
    _panel.contentHeader.insertWidget(0, this._banner);
    _panel.content.model?.cells.changed.connect(this._onCells, this);
    this._update();
  }

  /** Many cells can change at once: update once for all of them. */
  private _onCells(): void {
    if (!this._due) {
      this._due = true;
      requestAnimationFrame(() => {
        this._due = false;
        this._update();
      });
    }
  }

  private _update(): void {
    if (this._panel.isDisposed) {
      return;
    }
    const { widgets } = this._panel.content;
    const saved = readCells(
      widgets.map(({ model }) => ({ metadata: model.getMetadata(KEY) as unknown, source: () => model.sharedModel.getSource() }))
    );
    this._banner.setSession(this._head, saved);
    widgets.forEach((cell, index) => {
      this._marksOf(cell).setMark(saved.marks[index] ?? null);
    });
  }

  private _marksOf(cell: Cell): CellMarks {
    const marks = this._marks.get(cell) ?? new CellMarks(cell);
    this._marks.set(cell, marks);
    return marks;
  }
}
