/** Shows the step in an output: as a StepView, or as Markdown if its record cannot be read. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';
import { STEP_MIME } from '../protocol/generated';
import { readStep } from '../protocol/steps';
import { MarkdownView } from '../step/markdown';
import { type ISurroundings, StepView } from '../step/view';

/** Lower than the rank of Markdown (60), which is in the same bundle: JupyterLab prefers the lower rank. */
export const RANK = 10;

export function stepFactory(around: ISurroundings): IRenderMime.IRendererFactory {
  return {
    // Untrusted notebooks show it as well: the view believes nothing in a record.
    safe: true,
    mimeTypes: [STEP_MIME],
    createRenderer: () => new StepRenderer(around)
  };
}

class StepRenderer extends Panel implements IRenderMime.IRenderer {
  private _view: StepView | null = null;
  private _fallback: MarkdownView | null = null;

  constructor(private readonly _around: ISurroundings) {
    super();
    this.addClass('codeact-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    try {
      const step = readStep(model.data[STEP_MIME]);
      this._view ??= this._add(new StepView(this._around));
      this._view.setStep(step);
    } catch {
      this._fallback ??= this._add(new MarkdownView(this._around.services));
      const text = model.data['text/markdown'] ?? model.data['text/plain'];
      this._fallback.setText(typeof text === 'string' ? text : 'This step cannot be read.');
    }
    return Promise.resolve();
  }

  private _add<T extends Panel | MarkdownView>(widget: T): T {
    this.addWidget(widget);
    return widget;
  }
}
