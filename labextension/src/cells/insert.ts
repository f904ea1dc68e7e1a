/** Cells that the kernel offers to the notebook: requested, and inserted below the cell that asked for them. */
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { complain } from '../lab/complain';
import type { Agent } from '../protocol/agent';
import { type IMessage, type INewCell, offeredCells, readNewCells } from '../protocol/messages';
import { request } from '../protocol/requests';

/** Request what the kernel offers, if a cell of this notebook asked for it from this browser tab. */
export function followOffers(panel: NotebookPanel, agent: Agent): void {
  const listen = (_: unknown, message: IMessage): void => {
    const id = offeredCells(message);
    const cell = id === null ? null : running(panel.content, message);
    if (id !== null && cell) {
      void requestCells(panel, agent, cell, id);
    }
  };
  agent.session.iopubMessage.connect(listen);
  panel.disposed.connect(() => agent.session.iopubMessage.disconnect(listen));
}

async function requestCells(panel: NotebookPanel, agent: Agent, cell: CodeCell, id: string): Promise<void> {
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

/** Return the cell whose run a message belongs to; null if it was not run from this browser tab. */
function running(notebook: Notebook, message: IMessage): CodeCell | null {
  const { msg_id: id } = message.parent_header as { msg_id?: string };
  const codes = notebook.widgets.filter((cell): cell is CodeCell => cell.model.type === 'code');
  return codes.find(({ outputArea }) => (outputArea.future as typeof outputArea.future | undefined)?.msg.header.msg_id === id) ?? null;
}

/** Insert cells below another one, as one change to undo, unless they are there already. */
function insert(notebook: Notebook, below: CodeCell, cells: readonly INewCell[]): void {
  const index = notebook.widgets.indexOf(below);
  const at = index === -1 ? notebook.widgets.length : index + 1;
  // Run All runs the cell that asks for them again.
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
