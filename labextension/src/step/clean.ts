/** Reduces HTML to what text needs: nothing that loads, acts, or covers other things. */

const TAGS = new Set(
  (
    'A B BLOCKQUOTE BR CODE DD DEL DIV DL DT EM H1 H2 H3 H4 H5 H6 HR I KBD LI OL P PRE S SPAN STRONG SUB SUP ' +
    'TABLE TBODY TD TFOOT TH THEAD TR U UL'
  ).split(' ')
);
/** Elements that are removed with all their content. */
const DROPPED = new Set(
  'SCRIPT STYLE TEMPLATE NOSCRIPT IFRAME OBJECT EMBED SVG MATH TEXTAREA SELECT TITLE HEAD AUDIO VIDEO'.split(' ')
);
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  A: ['title'],
  OL: ['start'],
  TD: ['align', 'colspan', 'rowspan'],
  TH: ['align', 'colspan', 'rowspan']
};
/** The classes that colour code. Any other could borrow the looks or the behaviour of the application's own parts. */
const COLOUR = /^(ͼ\w{1,4}|cm-[\w-]+|language-[\w-]+)$/u;
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** Return HTML reduced to what text needs. */
export function cleaned(html: string): string {
  // A parsed document is inert: nothing in it loads or runs before it is cleaned.
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  clean(parsed.body);
  return parsed.body.innerHTML;
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

/** Return whether a link is absolute, and so leads out of the application: a relative one could be a request to its server. */
function isOutside(href: string | null): boolean {
  try {
    return href !== null && SCHEMES.has(new URL(href).protocol);
  } catch {
    return false;
  }
}
