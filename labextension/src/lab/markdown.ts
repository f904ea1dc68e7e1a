/** JupyterLab's renderer for Markdown, with a stricter sanitizer: the text may come from anybody. */
import { type IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { cleaned } from '../step/clean';
import type { IMarkdownRenderer } from '../step/services';

const MARKDOWN = 'text/markdown';

/** JupyterLab's sanitizer, and then only what text needs. */
class StrictSanitizer implements IRenderMime.ISanitizer {
  constructor(private readonly _base: IRenderMime.ISanitizer) {}

  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    return cleaned(this._base.sanitize(dirty, options));
  }
}

/** Return a renderer for Markdown; null if JupyterLab has none. */
export function newMarkdown(rendermime: IRenderMimeRegistry): IMarkdownRenderer | null {
  const renderer = rendermime.getFactory(MARKDOWN)?.createRenderer({
    mimeType: MARKDOWN,
    sanitizer: new StrictSanitizer(rendermime.sanitizer),
    resolver: null,
    linkHandler: null,
    latexTypesetter: rendermime.latexTypesetter,
    markdownParser: rendermime.markdownParser
  });
  if (!renderer) {
    return null;
  }
  return {
    widget: renderer,
    render: text => renderer.renderModel(new MimeModel({ data: { [MARKDOWN]: text }, trusted: false }))
  };
}
