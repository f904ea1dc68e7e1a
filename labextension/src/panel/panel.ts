/** The side panel of the active notebook: its pending step, the agent's activity, the turns, and boxes to write in. */
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import { codeactIcon } from '../lab/icon';
import { reveal, runPrompt } from '../lab/notebooks';
import type { ICodeAct, INotebook } from '../lab/tokens';
import type { Agent } from '../protocol/agent';
import { h, setText, toggle } from '../step/dom';
import { StepView } from '../step/view';
import { ACTIVITY_WORDS, elapsed, progressWords, tokens } from '../text/captions';
import { Timeline } from './timeline';

export class SidePanel extends Panel {
  private _notebook: INotebook | null = null;
  private _view: StepView | null = null;
  private _timer: ReturnType<typeof setInterval> | undefined;
  private readonly _state = h('div', 'codeact-Panel-state');
  private readonly _usage = h('div', 'codeact-Panel-usage');
  private readonly _pending = new Panel();
  private readonly _timeline: Timeline;
  private readonly _empty = h('p', 'codeact-Panel-empty');
  private readonly _error = h('div', 'codeact-Error');
  private readonly _remark: HTMLFormElement;
  private readonly _prompt: HTMLFormElement;

  constructor(private readonly _codeact: ICodeAct) {
    super();
    this.id = 'codeact-panel';
    this.addClass('codeact-Panel');
    this.title.icon = codeactIcon;
    this.title.caption = 'CodeAct';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'CodeAct');
    this._timeline = new Timeline(id => void this._go(id));
    this._remark = form('A remark for the model', 'The model reads it with the next result.', 'Send', text =>
      this._sendRemark(text)
    );
    this._prompt = form('A prompt', 'Ask about this notebook: a %%codeact cell at its end.', 'Ask', text =>
      this._ask(text)
    );
    this._build();
    _codeact.tracker.currentChanged.connect(this._onNotebook, this);
    this._report('');
    this._onNotebook();
  }

  override dispose(): void {
    clearInterval(this._timer);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._update();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._update();
  }

  private _build(): void {
    this._error.setAttribute('role', 'alert');
    this._state.setAttribute('role', 'status');
    const head = h('header', 'codeact-Panel-head', this._state, this._usage);
    const scrolled = new Panel();
    scrolled.addClass('codeact-Panel-scrolled');
    scrolled.addWidget(this._pending);
    scrolled.addWidget(new Widget({ node: h('div', '', this._timeline.node, this._empty) }));
    this.addWidget(new Widget({ node: head }));
    this.addWidget(scrolled);
    this.addWidget(new Widget({ node: h('footer', 'codeact-Panel-foot', this._error, this._remark, this._prompt) }));
  }

  private _onNotebook(): void {
    this._notebook?.agent.changed.disconnect(this._update, this);
    this._notebook = this._codeact.notebook;
    this._notebook?.agent.changed.connect(this._update, this);
    this._view?.dispose();
    this._view = null;
    this._update();
  }

  private _update(): void {
    const agent = this._notebook?.agent ?? null;
    const state = agent?.state ?? null;
    this._showStep(agent);
    this._tick(agent?.isActive ?? false);
    setText(this._usage, state?.turn ? tokens(state.turn.usage) : '');
    this._timeline.setState(state);
    toggle(this._empty, !state?.threads.length);
    setText(this._empty, this._notebook ? 'Nothing asked yet in this kernel.' : 'Open a notebook to work with its agent.');
    // A replay has no model that could read it.
    toggle(this._remark, agent !== null && agent.isActive && (agent.step?.of ?? 'turn') === 'turn');
    toggle(this._prompt, this._notebook !== null);
  }

  private _showStep(agent: Agent | null): void {
    const step = this.isVisible ? agent?.pending?.step : undefined;
    if (!step && this._view && !this._view.node.contains(document.activeElement)) {
      this._view.dispose();
      this._view = null;
    }
    if (step && this._notebook) {
      const { panel } = this._notebook;
      this._view ??= this._newView(agent, panel.content.editorConfig.code as Record<string, unknown>);
      this._view.setStep(step);
    }
  }

  private _newView(agent: Agent | null, config: Record<string, unknown>): StepView {
    const { services, views } = this._codeact;
    const view = new StepView({ services, views, agent, editorConfig: () => config });
    this._pending.addWidget(view);
    return view;
  }

  private _tick(active: boolean): void {
    clearInterval(this._timer);
    if (active) {
      this._timer = setInterval(() => {
        this._showState();
      }, 500);
    }
    this._showState();
  }

  private _showState(): void {
    const agent = this._notebook?.agent;
    const state = agent?.state ?? null;
    if (!agent || !state) {
      setText(this._state, 'no agent yet');
      return;
    }
    const progress = progressWords(state.turn, agent.step, ` of at most ${state.turn?.maxSteps ?? 0}`);
    const timer = state.agent === 'idle' ? '' : elapsed(agent.seconds);
    setText(this._state, [ACTIVITY_WORDS[state.agent], progress, timer].filter(Boolean).join(' · '));
  }

  private async _go(id: string): Promise<void> {
    if (this._notebook) {
      const view = await reveal(this._notebook.panel, id, this._codeact.views);
      this._report(view ? '' : 'This step is not shown in the notebook any more.');
      view?.focus();
    }
  }

  private async _sendRemark(text: string): Promise<boolean> {
    const error = (await this._notebook?.agent.remark(text)) ?? 'There is no notebook.';
    this._report(error);
    return error === '';
  }

  private async _ask(text: string): Promise<boolean> {
    this._codeact.typing.finish();
    this._report('');
    return this._notebook !== null && runPrompt(this._notebook.panel, this._notebook.agent, text);
  }

  private _report(line: string): void {
    setText(this._error, line);
    toggle(this._error, line !== '');
  }
}

/** Return a form with a text box. Enter sends, Shift+Enter begins a new line. The text stays if `send` fails. */
function form(label: string, hint: string, verb: string, send: (text: string) => Promise<boolean>): HTMLFormElement {
  const box = h('textarea', 'jp-mod-styled');
  box.rows = 2;
  box.placeholder = hint;
  box.setAttribute('aria-label', label);
  const button = h('button', 'jp-mod-styled', verb);
  button.title = `${verb} (Enter)`;
  const made = h('form', 'codeact-Form', box, button);
  const submit = async (): Promise<void> => {
    if (box.value.trim() && (await send(box.value))) {
      box.value = '';
    }
  };
  made.addEventListener('submit', event => {
    event.preventDefault();
    if (event.isTrusted) {
      void submit();
    }
  });
  box.addEventListener('keydown', event => {
    if (event.isTrusted && event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void submit();
    }
  });
  return made;
}
