/** Keeps the step records up to date in a notebook that was loaded while its cell was running. */
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { JSONObject } from '@lumino/coreutils';
import { cellOf } from '../lab/notebooks';
import type { ICodeAct } from '../lab/tokens';
import type { Agent } from '../protocol/agent';
import { STEP_MIME } from '../protocol/generated';
import type { IPublished } from '../protocol/messages';

/** Milliseconds in which JupyterLab can update an output itself, which it does if it saw the output begin. */
const PATIENCE = 200;

export class RecordKeeper {
  /** The last published record of each step, until it has been checked. */
  private readonly _latest = new Map<string, IPublished>();

  constructor(codeact: ICodeAct, agent: Agent) {
    agent.published.connect((_, published) => {
      const { id } = published.step;
      this._latest.set(id, published);
      setTimeout(() => {
        const panel = codeact.panelOf(agent);
        if (this._latest.get(id) === published) {
          this._latest.delete(id);
          update(panel, published);
        }
      }, PATIENCE);
    });
  }
}

function update(panel: NotebookPanel | null, { step, data }: IPublished): void {
  const cell = panel?.content.model?.cells.get(cellOf(panel, id => id === step.id));
  const outputs = cell?.type === 'code' ? (cell as ICodeCellModel).outputs : null;
  for (let index = 0; index < (outputs?.length ?? 0); index++) {
    const output = outputs?.get(index);
    const shown = output?.data[STEP_MIME] as { id?: unknown; status?: unknown } | undefined;
    if (shown?.id === step.id && shown.status !== step.status) {
      output?.setData({ data: data as JSONObject });
    }
  }
}
