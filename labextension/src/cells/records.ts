/** Keeps the record of a step up to date in a notebook that was loaded while its cell was running. */
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { JSONObject } from '@lumino/coreutils';
import type { Agent, IPublished } from './agents';
import type { CodeAct } from './codeact';
import { cellOf } from './notebooks';
import { MIME } from './protocol';

/** Milliseconds that JupyterLab is given to update an output itself, which it does where it saw the output begin. */
const KEEPING = 200;

export class RecordKeeper {
  /** What was heard last of each step, until it has been looked after. */
  private readonly _latest = new Map<string, IPublished>();

  constructor(codeact: CodeAct, agent: Agent) {
    agent.heard.connect((_, published) => {
      const { id } = published.step;
      this._latest.set(id, published);
      setTimeout(() => {
        const panel = codeact.panelOf(agent);
        if (this._latest.get(id) === published) {
          this._latest.delete(id);
          update(panel, published);
        }
      }, KEEPING);
    });
  }
}

function update(panel: NotebookPanel | null, { step, data }: IPublished): void {
  const cell = panel?.content.model?.cells.get(cellOf(panel, id => id === step.id));
  const outputs = cell?.type === 'code' ? (cell as ICodeCellModel).outputs : null;
  for (let index = 0; index < (outputs?.length ?? 0); index++) {
    const output = outputs?.get(index);
    const shown = output?.data[MIME] as { id?: unknown; status?: unknown } | undefined;
    if (shown?.id === step.id && shown.status !== step.status) {
      output?.setData({ data: data as JSONObject });
    }
  }
}
