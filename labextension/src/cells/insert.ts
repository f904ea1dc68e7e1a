/** Cells that the kernel has for the notebook: fetched, and put below the cell that asked for them. */
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import type { KernelMessage } from '@jupyterlab/services';
import type { Agent } from './agents';
import { complain } from './notify';
import { type INewCell, offered, readNewCells, request } from './protocol';

/** Fetch what the kernel of a notebook offers to a cell of it that is running in this page. */
export function followOffers(panel: NotebookPanel, agent: Agent): void {
  const listen = (_: unknown, message: KernelMessage.IMessage): void => {
    const id = offered(message);
    const cell = id === null ? null : running(panel.content, message);
    if (id !== null && cell) {
      void take(panel, agent, cell, id);
    }
  };
  agent.session.iopubMessage.connect(listen);
  panel.disposed.connect(() => agent.session.iopubMessage.disconnect(listen));
}

async function take(panel: NotebookPanel, agent: Agent, cell: CodeCell, id: string): Promise<void> {
  const kernel = agent.session.session?.kernel;
  if (!kernel) {
    return;
  }
  try {
    insert(panel.content, cell, readNewCells(await request(kernel, { op: 'insert', id })));
  } catch (error) {
    complain(`The cells could not be inserted: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Return the cell whose run a message belongs to; null where it was run from elsewhere. */
function running(notebook: Notebook, message: KernelMessage.IMessage): CodeCell | null {
  const { msg_id: id } = message.parent_header as { msg_id?: string };
  const codes = notebook.widgets.filter((cell): cell is CodeCell => cell.model.type === 'code');
  return codes.find(({ outputArea }) => (outputArea.future as typeof outputArea.future | undefined)?.msg.header.msg_id === id) ?? null;
}

/** Insert cells below another one, as if they had been typed, to be undone at once; not where they stand there already. */
function insert(notebook: Notebook, below: CodeCell, cells: readonly INewCell[]): void {
  const index = notebook.widgets.indexOf(below);
  const at = index === -1 ? notebook.widgets.length : index + 1;
  // Run All runs the cell that offers them again.
  const there = notebook.widgets.slice(at, at + cells.length);
  if (cells.every(({ type, source }, number) => isCell(there[number], type, source))) {
    return;
  }
  notebook.model?.sharedModel.insertCells(
    at,
    cells.map(({ type, source }) => ({ cell_type: type, source, metadata: type === 'code' ? { trusted: true } : {} }))
  );
}

function isCell(cell: Cell | undefined, type: INewCell['type'], source: string): boolean {
  return cell?.model.type === type && cell.model.sharedModel.getSource() === source;
}
