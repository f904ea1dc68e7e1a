/** What the user does at the keyboard: whether they are writing, and whether a key is held down. */

/** Milliseconds after the last key for which the user counts as writing in a field. */
const WRITING = 30_000;
/** Milliseconds after its release for which a key counts as held: shortcuts run some time after the key. */
const HELD = 500;

export class Typing {
  private _target: EventTarget | null = null;
  private _last = 0;
  private _repeated = 0;

  constructor(window: Window) {
    window.addEventListener(
      'keydown',
      event => {
        this._onKey(event);
      },
      true
    );
    window.addEventListener('pointerdown', () => (this._repeated = 0), true);
  }

  /** Whether the last key was held down and repeated itself. */
  get repeats(): boolean {
    return Date.now() - this._repeated < HELD;
  }

  /** Whether the user is writing in the element that has the focus. */
  get isWriting(): boolean {
    const active = document.activeElement;
    return active !== null && active === this._target && Date.now() - this._last < WRITING;
  }

  /** Record that the user has finished writing. */
  finish(): void {
    this._target = null;
  }

  private _onKey(event: KeyboardEvent): void {
    if (!event.isTrusted && event.target instanceof Element && event.target.closest('.codeact-Step')) {
      // A script made the event: it must not reach the shortcuts of a step.
      event.stopImmediatePropagation();
      return;
    }
    this._repeated = event.repeat ? Date.now() : 0;
    const writes = event.key.length === 1 || event.key === 'Backspace' || event.key === 'Delete';
    if (writes && !event.ctrlKey && !event.metaKey && isEditable(event.target)) {
      this._target = event.target;
      this._last = Date.now();
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      this.finish();
    }
  }
}

function isEditable(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)
  );
}
