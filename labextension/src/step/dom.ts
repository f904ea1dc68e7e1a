/** The DOM helpers that all views share. */

/** Return a new element. A string among the children becomes a text, never HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** Return a button that acts on a user's click or key only, never on an event that a script made. */
export function button(className: string, label: string, act: () => void): HTMLButtonElement {
  const element = h('button', className, label);
  element.type = 'button';
  element.addEventListener('click', event => {
    if (event.isTrusted) {
      act();
    }
  });
  return element;
}

/** Show or hide. */
export function toggle(element: HTMLElement, shown: boolean): void {
  element.hidden = !shown;
}

/** Set an element's text if it differs: setting the same text would announce it again and drop the selection. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Replace an element's list items if their texts differ. */
export function setList(element: HTMLElement, texts: readonly string[], className: string): void {
  const key = JSON.stringify(texts);
  if (element.dataset.texts !== key) {
    element.dataset.texts = key;
    element.replaceChildren(...texts.map(text => h('li', className, text)));
  }
}
