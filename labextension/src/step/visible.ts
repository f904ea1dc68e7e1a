/** Texts as DOM nodes, with their hidden characters written out, and the difference of two texts. */
import { diffLines } from '../text/diff';
import { HIDDEN, describe, pieces } from '../text/hidden';
import { h } from './dom';

/** Return a text as nodes. */
export function visible(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(text)) {
    fragment.append(typeof piece === 'string' ? piece : mark(piece));
  }
  return fragment;
}

/** Return what stands for a hidden character. */
export function mark(code: number): HTMLElement {
  const { mark, name } = describe(code);
  const element = h('span', 'codeact-Hidden', mark);
  element.title = name;
  element.setAttribute('aria-label', `${name}, ${mark}`);
  return element;
}

/** Write out the hidden characters in an element. */
export function markHidden(root: HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) {
    if (HIDDEN.test(walker.currentNode.nodeValue ?? '')) {
      found.push(walker.currentNode as Text);
    }
  }
  for (const text of found) {
    text.replaceWith(visible(text.data));
  }
}

/** Return all lines of two texts, those that differ marked. */
export function diffTable(before: string, after: string): HTMLElement {
  const signs = { same: ' ', added: '+', removed: '−' };
  const lines = diffLines(before.replace(/\r\n?/g, '\n'), after).map(line => {
    const row = h('div', `codeact-Diff-${line.kind}`, `${signs[line.kind]} `, visible(line.text));
    if (line.kind !== 'same') {
      row.setAttribute('aria-label', `${line.kind}: ${line.text}`);
    }
    return row;
  });
  return h('pre', '', ...lines);
}
