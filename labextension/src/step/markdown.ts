/** Markdown from a model or a saved notebook. */
import { PanelLayout, Widget } from '@lumino/widgets';
import type { IMarkdownRenderer, IServices } from './services';

/** Shows Markdown. While one text is being rendered, the newest of the texts that come in waits. */
export class MarkdownView extends Widget {
  private readonly _renderer: IMarkdownRenderer | null;
  private _shown = '';
  private _wanted = '';
  private _rendering = false;

  constructor(services: IServices) {
    super();
    this.addClass('codeact-Markdown');
    this._renderer = services.newMarkdown();
    const layout = (this.layout = new PanelLayout());
    if (this._renderer) {
      layout.addWidget(this._renderer.widget);
    }
  }

  setText(text: string): void {
    this._wanted = text;
    if (!this._rendering) {
      void this._render();
    }
  }

  private async _render(): Promise<void> {
    this._rendering = true;
    while (this._shown !== this._wanted && !this.isDisposed) {
      const text = this._wanted;
      if (this._renderer) {
        await this._renderer.render(text);
      } else {
        this.node.textContent = text;
      }
      this._shown = text;
    }
    this._rendering = false;
  }
}
