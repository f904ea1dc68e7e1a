/** The notebooks in which one goes on with a saved session: the session's own is never written to, nor run. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { complain } from './notify';
import { folderOf, homeOf, quoted, seenFrom, stemOf, within } from './places';
import { readHead } from './saved';

export type Companion = 'continue' | 'replay' | 'verify';

const LOAD = '%load_ext codeact_magic';
/** Characters of the session's name that the new one takes over. */
const MOST_STEM = 120;

export class Companions {
  private _busy = false;

  constructor(private readonly _app: JupyterFrontEnd) {}

  /** Open a new notebook that goes on with the session in `panel`, and have it begin. A second click opens no second one. */
  async begin(way: Companion, panel: NotebookPanel): Promise<void> {
    if (this._busy) {
      return;
    }
    this._busy = true;
    try {
      await this._begin(way, panel);
    } catch (error) {
      complain(`The notebook could not be made: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this._busy = false;
    }
  }

  private async _begin(way: Companion, panel: NotebookPanel): Promise<void> {
    const { contents } = this._app.serviceManager;
    const drive = contents.driveName(panel.context.path);
    const prefix = drive ? `${drive}:` : '';
    const session = contents.localPath(panel.context.path);
    const { folder, names } = await this._place(prefix, session, panel);
    const word = quoted(seenFrom(folder, session));
    if (word === null) {
      complain('The path of this session has hidden characters in it. Rename it, and try again.');
      return;
    }
    const path = prefix + within(folder, free(`${way}-${stemOf(session).slice(0, MOST_STEM)}`, names));
    const sources = cellsOf(way, word);
    const kernel = panel.sessionContext.session?.kernel?.name ?? panel.sessionContext.kernelPreference.name ?? 'python3';
    await contents.save(path, { type: 'notebook', format: 'json', content: notebook(sources, kernel) });
    const opened: unknown = await this._app.commands.execute('docmanager:open', { path });
    // Jupyter Notebook opens a page of its own, in which the user runs it.
    if (opened instanceof NotebookPanel && !opened.isDisposed) {
      // Not waited for: it takes as long as its kernel and its user do, and may be closed before.
      void run(opened, way === 'continue' ? sources.length - 1 : sources.length);
    }
  }

  /** Return the folder in which the code finds its files, and what is in there; else the session's own. */
  private async _place(prefix: string, session: string, panel: NotebookPanel): Promise<{ folder: string; names: Set<string> }> {
    const own = folderOf(session);
    const home = homeOf(session, readHead(panel.content.model?.getMetadata('codeact'))?.home ?? '') ?? own;
    try {
      return { folder: home, names: await this._names(prefix + home) };
    } catch (error) {
      if (home === own) {
        throw error;
      }
      return { folder: own, names: await this._names(prefix + own) };
    }
  }

  private async _names(folder: string): Promise<Set<string>> {
    const found = await this._app.serviceManager.contents.get(folder, { type: 'directory', content: true });
    return new Set((found.content as Contents.IModel[]).map(({ name }) => folded(name)));
  }
}

function cellsOf(way: Companion, word: string): string[] {
  switch (way) {
    case 'continue':
      return [LOAD, `%codeact load ${word}`, '%%codeact\n'];
    case 'replay':
    case 'verify':
      return [LOAD, `%codeact ${way} ${word}`];
  }
}

function notebook(sources: readonly string[], kernel: string): JSONObject {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    id: `codeact-${index + 1}`,
    metadata: {},
    source,
    execution_count: null,
    outputs: []
  }));
  const kernelspec = { name: kernel, display_name: kernel, language: 'python' };
  return { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
}

/** Return a name that no file has. */
function free(stem: string, taken: ReadonlySet<string>): string {
  let name = `${stem}.ipynb`;
  for (let number = 2; taken.has(folded(name)); number++) {
    name = `${stem}-${number}.ipynb`;
  }
  return name;
}

/** Some file systems take names for the same that are not. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/** Run the first cells of a notebook; where there is one more, it is the user's. */
async function run(panel: NotebookPanel, count: number): Promise<void> {
  const { content, context, sessionContext } = panel;
  await Promise.all([context.ready, sessionContext.ready, panel.revealed]);
  if (panel.isDisposed) {
    return;
  }
  content.activeCellIndex = Math.min(count, content.widgets.length - 1);
  const done = NotebookActions.runCells(content, content.widgets.slice(0, count), sessionContext);
  const cell = content.widgets[count];
  if (cell && (await done) && !cell.isDisposed) {
    content.mode = 'edit';
    await cell.ready;
    cell.editor?.setCursorPosition({ line: 1, column: 0 });
  }
}
