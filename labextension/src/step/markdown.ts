/** Markdown from a model or a saved notebook: it may look like text, and nothing else. */
import { type IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget, PanelLayout } from '@lumino/widgets';

const MARKDOWN = 'text/markdown';

const TAGS = new Set(
  (
    'A B BLOCKQUOTE BR CODE DD DEL DIV DL DT EM H1 H2 H3 H4 H5 H6 HR I KBD LI OL P PRE S SPAN STRONG SUB SUP ' +
    'TABLE TBODY TD TFOOT TH THEAD TR U UL'
  ).split(' ')
);
/** Elements that go with all that is in them. */
const DROPPED = new Set(
  'SCRIPT STYLE TEMPLATE NOSCRIPT IFRAME OBJECT EMBED SVG MATH TEXTAREA SELECT TITLE HEAD AUDIO VIDEO'.split(' ')
);
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  A: ['title'],
  OL: ['start'],
  TD: ['align', 'colspan', 'rowspan'],
  TH: ['align', 'colspan', 'rowspan']
};
/** The classes that colour code; any other could borrow the looks or the behaviour of JupyterLab's own parts. */
const COLOUR = /^(ͼ\w{1,4}|cm-[\w-]+|language-[\w-]+)$/u;
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** JupyterLab's sanitizer, and then only what text needs: nothing that loads, acts, or lies over other things. */
export class StrictSanitizer implements IRenderMime.ISanitizer {
  constructor(private readonly _base: IRenderMime.ISanitizer) {}

  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    // A parsed document is inert: nothing in it loads or runs before it has been gone through.
    const parsed = new DOMParser().parseFromString(this._base.sanitize(dirty, options), 'text/html');
    clean(parsed.body);
    return parsed.body.innerHTML;
  }
}

function clean(parent: Element): void {
  for (const child of [...parent.childNodes]) {
    if (child instanceof Element) {
      clean(child);
      child.replaceWith(...kept(child));
    } else if (child.nodeType !== Node.TEXT_NODE) {
      child.remove();
    }
  }
}

function kept(element: Element): (Node | string)[] {
  const tag = element.tagName.toUpperCase();
  if (tag === 'IMG') {
    return [`[image: ${element.getAttribute('alt') ?? 'not shown'}]`];
  }
  if (tag === 'INPUT') {
    return [element.hasAttribute('checked') ? '☑ ' : '☐ '];
  }
  if (DROPPED.has(tag)) {
    return [];
  }
  if (!TAGS.has(tag) || (tag === 'A' && !isOutside(element.getAttribute('href')))) {
    return [...element.childNodes];
  }
  strip(element, tag);
  return [element];
}

function strip(element: Element, tag: string): void {
  const href = tag === 'A' ? element.getAttribute('href') : null;
  const colours = [...element.classList].filter(name => COLOUR.test(name)).join(' ');
  for (const { name } of [...element.attributes]) {
    if (!ATTRIBUTES[tag]?.includes(name)) {
      element.removeAttribute(name);
    }
  }
  if (colours) {
    element.className = colours;
  }
  if (href !== null) {
    element.setAttribute('href', href);
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener noreferrer nofollow');
  }
}

/** Whether a link says in full where it leads, out of JupyterLab: what is relative could be a request to the server. */
function isOutside(href: string | null): boolean {
  try {
    return href !== null && SCHEMES.has(new URL(href).protocol);
  } catch {
    return false;
  }
}

/** Shows Markdown; a text that comes while another is being rendered waits, and the newest wins. */
export class MarkdownView extends Widget {
  private readonly _renderer: IRenderMime.IRenderer | null;
  private _shown = '';
  private _wanted = '';
  private _rendering = false;

  constructor(rendermime: IRenderMimeRegistry) {
    super();
    this.addClass('codeact-Markdown');
    this._renderer = strictRenderer(rendermime);
    const layout = (this.layout = new PanelLayout());
    if (this._renderer) {
      layout.addWidget(this._renderer);
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
        await this._renderer.renderModel(new MimeModel({ data: { [MARKDOWN]: text }, trusted: false }));
      } else {
        this.node.textContent = text;
      }
      this._shown = text;
    }
    this._rendering = false;
  }
}

function strictRenderer(rendermime: IRenderMimeRegistry): IRenderMime.IRenderer | null {
  const factory = rendermime.getFactory(MARKDOWN);
  return (
    factory?.createRenderer({
      mimeType: MARKDOWN,
      sanitizer: new StrictSanitizer(rendermime.sanitizer),
      resolver: null,
      linkHandler: null,
      latexTypesetter: rendermime.latexTypesetter,
      markdownParser: rendermime.markdownParser
    }) ?? null
  );
}
