/** The notebooks that continue, replay or verify a saved session. The session's own file is never changed or run. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { complain } from '../lab/complain';
import { folderOf, homeOf, quoted, relativePath, stemOf, within } from './paths';
import { readHead } from './reader';

export type Companion = 'continue' | 'replay' | 'verify';

const LOAD = '%load_ext codeact_magic';
/** Imports packages before files of the same names in the folder, which nobody has checked. It binds no name. */
const GUARD =
  "__import__('sys').path.sort(key=lambda path: __import__('os').path.abspath(path) == __import__('os').getcwd())";
/** Files that Python would run in place of the kernel. */
const IMPOSTORS = ['ipykernel_launcher', 'ipykernel_launcher.py'];
/** Characters of the session's name that the new name repeats at most. */
const MOST_STEM = 120;

export class Companions {
  private _busy = false;

  constructor(private readonly _app: JupyterFrontEnd) {}

  /**
   * Open a notebook that goes on with the session in `panel`, and run its first cells. If one was opened before, open
   * that: its kernel's variables and the user's changes stay. A second click does not open a second one.
   */
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
    const { contents, sessions } = this._app.serviceManager;
    const drive = contents.driveName(panel.context.path);
    const prefix = drive ? `${drive}:` : '';
    const session = contents.localPath(panel.context.path);
    const { folder, names } = await this._folder(prefix, session, panel);
    const word = quoted(relativePath(folder, session));
    if (word === null) {
      complain('The path of this session has hidden characters in it. Rename it, and try again.');
      return;
    }
    const impostor = IMPOSTORS.find(name => names.has(name));
    if (impostor) {
      complain(`Python would run ${within(folder, impostor)} in place of the kernel. Rename it, and try again.`);
      return;
    }
    const sources = cellsOf(way, word);
    const ours = way === 'continue' ? sources.slice(0, -1) : sources;
    const before = this._opened(prefix, folder, ours);
    const path = before?.context.path ?? (await this._path(prefix, folder, `${way}-${stemOf(session).slice(0, MOST_STEM)}`, names, sources));
    const isFresh = !before && (await sessions.findByPath(path)) === undefined;
    if (!before && !names.has(folded(path.slice(path.lastIndexOf('/') + 1)))) {
      const kernel = panel.sessionContext.session?.kernel?.name ?? panel.sessionContext.kernelPreference.name ?? 'python3';
      await contents.save(path, { type: 'notebook', format: 'json', content: notebook(sources, kernel) });
    }
    const opened: unknown = await this._app.commands.execute('docmanager:open', { path });
    // Jupyter Notebook opens it in a new browser tab, where the user runs it.
    if (opened instanceof NotebookPanel && !opened.isDisposed && (isFresh || way === 'verify')) {
      // Not awaited: it takes as long as its kernel and its user do, and may be closed before.
      void run(opened, ours.length);
    }
  }

  /** Return the open notebook that begins with these cells; null if there is none. */
  private _opened(prefix: string, folder: string, sources: readonly string[]): NotebookPanel | null {
    for (const widget of this._app.shell.widgets('main')) {
      if (widget instanceof NotebookPanel && folderOf(widget.context.path) === folderOf(prefix + within(folder, 'x'))) {
        const cells = widget.content.model?.sharedModel.cells.slice(0, sources.length).map(cell => cell.getSource()) ?? [];
        if (areSame(cells, sources)) {
          return widget;
        }
      }
    }
    return null;
  }

  /** Return the path of an unchanged notebook that was made of these cells before, else one that no file has. */
  private async _path(prefix: string, folder: string, stem: string, existing: ReadonlySet<string>, sources: readonly string[]): Promise<string> {
    for (let number = 1; ; number++) {
      const name = number === 1 ? `${stem}.ipynb` : `${stem}-${number}.ipynb`;
      const path = prefix + within(folder, name);
      if (!existing.has(folded(name)) || areSame(await this._sources(path), sources)) {
        return path;
      }
    }
  }

  /** Return the sources of the cells of a notebook file; an empty list if it cannot be read. */
  private async _sources(path: string): Promise<readonly string[]> {
    try {
      const found = await this._app.serviceManager.contents.get(path, { type: 'notebook', content: true });
      const { cells } = found.content as { cells: { source: string | string[] }[] };
      return cells.map(({ source }) => [source].flat().join(''));
    } catch {
      return [];
    }
  }

  /** Return the folder that the code ran in, or else that of the session, and the names of the files in it. */
  private async _folder(prefix: string, session: string, panel: NotebookPanel): Promise<{ folder: string; names: Set<string> }> {
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

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}

/** Return a name in the form in which some file systems compare names. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/** Run the first cells of a notebook, and put the cursor into the one after them, if there is one. */
async function run(panel: NotebookPanel, count: number): Promise<void> {
  const { content, context, sessionContext } = panel;
  await Promise.all([context.ready, sessionContext.ready, panel.revealed]);
  const kernel = sessionContext.session?.kernel;
  if (panel.isDisposed || !kernel || kernel.status === 'busy') {
    return;
  }
  const guarded = await kernel.requestExecute({ code: GUARD, silent: true, store_history: false, allow_stdin: false }).done;
  if (guarded.content.status !== 'ok') {
    complain('The kernel does not take what would keep files of the folder from standing in for packages. Nothing was run.');
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
