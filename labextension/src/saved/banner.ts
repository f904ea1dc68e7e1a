/** The banner above a session notebook: which session it is, and what can be done with it. */
import { Widget } from '@lumino/widgets';
import { codeactIcon } from '../lab/icon';
import { button, h, setText } from '../step/dom';
import type { IServices } from '../step/services';
import { written } from '../text/hidden';
import { sessionWords } from './captions';
import type { Companion } from './companion';
import type { IHead, ISaved } from './reader';

interface IWay {
  readonly way: Companion;
  readonly command: string;
  readonly label: string;
  readonly caption: string;
}

/** What can be done with a session, in the order of the buttons. */
export const WAYS: readonly IWay[] = [
  {
    way: 'continue',
    command: 'codeact:continue',
    label: 'Continue',
    caption: 'Go on with this conversation, in a new notebook'
  },
  {
    way: 'replay',
    command: 'codeact:replay',
    label: 'Replay',
    caption: 'Run its code again in a new notebook, without a model; each step is asked for'
  },
  {
    way: 'verify',
    command: 'codeact:verify',
    label: 'Verify',
    caption: 'Run it in a fresh kernel, and compare every output with the recorded one'
  }
];

export class Banner extends Widget {
  private readonly _inside = h('div', 'codeact-Banner-inside');
  private readonly _resized = new ResizeObserver(() => {
    this._fit();
  });
  private readonly _prompt = h('div', 'codeact-Banner-prompt');
  private readonly _facts = h('div', 'codeact-Banner-facts');

  constructor(services: IServices, begin: (way: Companion) => void) {
    super();
    this.addClass('codeact-Banner');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Saved CodeAct session');
    const icon = h('span', 'codeact-Banner-icon');
    codeactIcon.element({ container: icon });
    icon.setAttribute('aria-hidden', 'true');
    const buttons = WAYS.map(({ way, command, label, caption }) => {
      const made = button('jp-mod-styled', label, () => {
        begin(way);
      });
      const keys = services.keysOf(command);
      made.title = keys ? `${caption} (${keys})` : caption;
      return made;
    });
    const texts = h('div', 'codeact-Banner-texts', this._prompt, this._facts);
    this._inside.append(icon, texts, h('div', 'codeact-Banner-buttons', ...buttons));
    this.node.append(this._inside);
    this._resized.observe(this._inside);
  }

  override dispose(): void {
    this._resized.disconnect();
    super.dispose();
  }

  setSession(head: IHead, saved: ISaved): void {
    const prompt = written((saved.turns[0]?.prompt ?? '').replace(/\s+/g, ' ').trim());
    setText(this._prompt, prompt || 'A session without a prompt');
    this._prompt.title = prompt;
    setText(this._facts, written(sessionWords(saved, when(head.started))));
    this._facts.title = this._facts.textContent;
  }

  /** Ask for the height of the content: the layout around the banner gives each widget only its minimal height. */
  private _fit(): void {
    const height = `${this._inside.offsetHeight}px`;
    if (this.node.style.minHeight !== height) {
      this.node.style.minHeight = height;
      this.parent?.fit();
    }
  }
}

function when(started: string): string {
  const date = new Date(started);
  return isNaN(date.getTime()) ? 'unknown date' : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
