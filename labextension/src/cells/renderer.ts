/** How a step in an output is shown: by a StepView, and as Markdown where it cannot be read. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';
import { MarkdownView } from './markdown';
import { MIME, readStep } from './protocol';
import { type IPlace, StepView } from './view';

/** Below that of Markdown (60), which stands beside it: the lower rank is preferred. */
export const RANK = 10;

export function stepFactory(place: IPlace): IRenderMime.IRendererFactory {
  return {
    // Rendered as it is also where the notebook is not trusted: nothing in it is believed.
    safe: true,
    mimeTypes: [MIME],
    createRenderer: () => new StepRenderer(place)
  };
}

class StepRenderer extends Panel implements IRenderMime.IRenderer {
  private _view: StepView | null = null;
  private _fallback: MarkdownView | null = null;

  constructor(private readonly _place: IPlace) {
    super();
    this.addClass('codeact-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    try {
      const step = readStep(model.data[MIME]);
      this._view ??= this._add(new StepView(this._place));
      this._view.setStep(step);
    } catch {
      this._fallback ??= this._add(new MarkdownView(this._place.stage.rendermime));
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
