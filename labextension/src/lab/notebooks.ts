/** Notebooks: finding the cell of a step, and adding cells with prompts. */
import type { ICodeCellModel } from '@jupyterlab/cells';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Agent } from '../protocol/agent';
import { STEP_MIME } from '../protocol/generated';
import type { StepView } from '../step/view';
import { complain } from './complain';

const MAGIC = '%%codeact';
const LOAD = '%load_ext codeact_magic';

/** Return whether a notebook looks as if its kernel has an agent. */
export function mayHaveAgent(panel: NotebookPanel): boolean {
  const cells = panel.content.model?.sharedModel.cells ?? [];
  return cells.some(cell => cell.getSource().includes('codeact')) || cellOf(panel, () => true) !== -1;
}

/** Return whether a notebook's code is Python. */
export function isPython(panel: NotebookPanel): boolean {
  const language: unknown = panel.content.model?.getMetadata('language_info') ?? panel.content.model?.getMetadata('kernelspec');
  const { name, language: named } = (language ?? {}) as { name?: unknown; language?: unknown };
  return named === 'python' || (typeof name === 'string' && name.toLowerCase().includes('python'));
}

/** Scroll to a step of a notebook, and return its view there; null if it has none. */
export async function reveal(panel: NotebookPanel, id: string, views: ReadonlySet<StepView>): Promise<StepView | null> {
  const index = cellOf(panel, step => step === id);
  if (index === -1) {
    return null;
  }
  await panel.content.scrollToItem(index, 'smart');
  const view = viewIn(panel, id, views);
  view?.node.scrollIntoView({ block: 'nearest' });
  return view;
}

/** Return the visible view of a step in `panel`; null if there is none. */
function viewIn(panel: NotebookPanel, id: string, views: ReadonlySet<StepView>): StepView | null {
  return [...views].find(view => view.step?.id === id && view.isVisible && panel.node.contains(view.node)) ?? null;
}

/** Insert a cell for a prompt below the active one, and put the cursor into it. */
export function insertPrompt(panel: NotebookPanel, agent: Agent): void {
  const { content } = panel;
  NotebookActions.insertBelow(content);
  const cell = content.activeCell;
  cell?.model.sharedModel.setSource(`${MAGIC}\n`);
  content.mode = 'edit';
  void cell?.ready.then(() => {
    cell.editor?.setCursorPosition({ line: 1, column: 0 });
  });
  void load(panel, agent);
}

/** Append a cell with a prompt, verbatim, and run it. Resolves to whether the cell was run. */
export async function runPrompt(panel: NotebookPanel, agent: Agent, prompt: string): Promise<boolean> {
  const { content, sessionContext } = panel;
  if (!content.model || !(await load(panel, agent))) {
    return false;
  }
  const shared = content.model.sharedModel;
  const last = shared.cells.length;
  shared.insertCell(last, { cell_type: 'code', source: `${MAGIC}\n${prompt}`, metadata: { trusted: true } });
  content.deselectAll();
  content.activeCellIndex = last;
  void NotebookActions.run(content, sessionContext);
  return true;
}

/** Load the extension in the notebook's kernel, unless it has an agent. Resolves to whether the kernel has one now. */
async function load(panel: NotebookPanel, agent: Agent): Promise<boolean> {
  const kernel = panel.sessionContext.session?.kernel;
  if (agent.state || !kernel) {
    return true;
  }
  const done = await kernel.requestExecute({ code: LOAD, silent: true, store_history: false, allow_stdin: false }).done;
  if (done.content.status === 'error') {
    complain(`CodeAct could not be loaded in this kernel: ${done.content.ename}: ${done.content.evalue}`);
    return false;
  }
  await agent.refresh();
  return true;
}

/** Return the index of the last cell that shows a step with a wanted id, or -1. */
export function cellOf(panel: NotebookPanel, wanted: (id: string) => boolean): number {
  const model = panel.content.model;
  // From the end: that is where most notebooks are worked on.
  for (let index = (model?.cells.length ?? 0) - 1; index >= 0; index--) {
    const cell = model?.cells.get(index);
    if (cell?.type === 'code' && stepIds(cell as ICodeCellModel).some(wanted)) {
      return index;
    }
  }
  return -1;
}

function stepIds(cell: ICodeCellModel): string[] {
  const ids: string[] = [];
  for (let index = 0; index < cell.outputs.length; index++) {
    const bundle = cell.outputs.get(index).data[STEP_MIME] as { id?: unknown } | undefined;
    if (typeof bundle?.id === 'string') {
      ids.push(bundle.id);
    }
  }
  return ids;
}
