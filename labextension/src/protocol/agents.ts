/** The agents of the open notebooks, each known by what its kernel says: without DOM, without JupyterLab's own code. */
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { type NewDraft, PendingStep } from './pending';
import * as protocol from './protocol';
import type { IState, IStep, Request } from './protocol';
import { type Fields, Malformed } from './shapes';

/** What is taken of JupyterLab's session context. */
export interface ISession {
  readonly session: { readonly kernel: Kernel.IKernelConnection | null } | null;
  readonly isDisposed: boolean;
  readonly disposed: ISignal<unknown, void>;
  readonly iopubMessage: ISignal<unknown, KernelMessage.IMessage>;
  readonly kernelChanged: ISignal<unknown, unknown>;
  readonly statusChanged: ISignal<unknown, Kernel.Status>;
  readonly connectionStatusChanged: ISignal<unknown, Kernel.ConnectionStatus>;
}

/** A step as it came on iopub, in its MIME bundle. */
export interface IPublished {
  readonly step: IStep;
  readonly data: Fields;
}

/** Milliseconds between two questions while an agent is at work. What happens is told on iopub: this is for what got lost. */
const POLL = 5000;
/** Milliseconds between two questions while the reply grows. */
const STREAMING = 1000;
/** Milliseconds until the first question about a step that iopub says is pending and the kernel does not say so yet. */
const SOON = 100;

const RESTARTED: readonly Kernel.Status[] = ['restarting', 'autorestarting', 'terminating', 'dead'];

/** The agent in the kernel of one notebook, through restarts and changes of that kernel. */
export class Agent implements IDisposable {
  private _state: IState | null = null;
  private _asOf = 0;
  private _pending: PendingStep | null = null;
  private _last: IStep | null = null;
  private _life = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _due = Infinity;
  private _asking = false;
  private _askAgain = false;
  private _failures = 0;
  private _misses = 0;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _pended = new Signal<this, PendingStep>(this);
  private readonly _heard = new Signal<this, IPublished>(this);

  constructor(
    readonly session: ISession,
    private readonly _newDraft: NewDraft
  ) {
    session.iopubMessage.connect(this._onMessage, this);
    session.kernelChanged.connect(this._onKernelChanged, this);
    session.statusChanged.connect(this._onStatus, this);
    session.connectionStatusChanged.connect(this._onConnection, this);
    session.disposed.connect(this.dispose, this);
  }

  /** Emitted when the state or the pending step changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when a step begins to wait for the user. */
  get pended(): ISignal<this, PendingStep> {
    return this._pended;
  }

  /** Emitted with each step as the kernel publishes it. */
  get heard(): ISignal<this, IPublished> {
    return this._heard;
  }

  /** What the kernel last said; null while no agent is known there. */
  get state(): IState | null {
    return this._state;
  }

  get isActive(): boolean {
    return this._state !== null && this._state.agent !== 'idle';
  }

  /** Seconds that the agent has been in its present state. */
  get seconds(): number {
    return this._state ? this._state.seconds + (Date.now() - this._asOf) / 1000 : 0;
  }

  get pending(): PendingStep | null {
    return this._pending;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The step that it is at, or was last; null where none has been heard of. */
  get step(): IStep | null {
    return this._pending?.step ?? this._last;
  }

  /** Whether the agent is at this step just now. */
  isAt(step: IStep): boolean {
    const turn = this.isActive ? this._state?.turn : null;
    const isThere = turn?.thread === step.thread && turn.turn === step.turn && turn.step === step.number;
    return step.id === this._last?.id || isThere;
  }

  /** Ask the kernel how things stand, once the question under way is answered. */
  async refresh(): Promise<void> {
    if (this._asking) {
      this._askAgain = true;
      return;
    }
    this._asking = true;
    do {
      this._askAgain = false;
      await this._ask();
    } while (this._needsAsking());
    this._asking = false;
  }

  /** Stop the turn, whatever it is at. Resolves to why not, or to an empty string. */
  stop(): Promise<string> {
    return this._tell({ op: 'stop' });
  }

  /** Give the model a remark with its next observation. Resolves to why not, or to an empty string. */
  say(text: string): Promise<string> {
    return this._tell({ op: 'say', text });
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._forget();
    this._pending?.dispose();
    Signal.clearData(this);
  }

  private async _ask(): Promise<void> {
    clearTimeout(this._timer);
    this._due = Infinity;
    const life = this._life;
    try {
      const since = this._state ? { since: this._state.revision } : {};
      const reply = protocol.readState(await this._request({ op: 'state', ...since }));
      if (life === this._life) {
        this._failures = 0;
        this._take('threads' in reply ? reply : { ...this._known(), ...reply });
      }
    } catch {
      // Nobody there, or a kernel that is too busy to answer: ask again where an agent is known, more and more rarely.
      this._failures += 1;
    }
    if (life === this._life) {
      this._schedule();
    }
  }

  private _needsAsking(): boolean {
    return this._askAgain && !this._isDisposed;
  }

  private _known(): IState {
    if (this._state === null) {
      throw new Malformed('nothing was known that could be unchanged');
    }
    return this._state;
  }

  private _take(state: IState): void {
    this._state = state;
    this._asOf = Date.now();
    const id = state.pending?.id;
    if (this._pending && this._pending.step.id !== id) {
      this._pending.end();
      this._pending = null;
    }
    if (state.pending && !this._pending) {
      this._begin(state.pending);
    }
    this._changed.emit();
  }

  private _begin(step: IStep): void {
    const pending = new PendingStep(step, this._newDraft, request => this._tell(request));
    this._pending = pending;
    void this._tell({ op: 'hello', id: step.id });
    this._pended.emit(pending);
  }

  private _schedule(within = this._delay()): void {
    const due = Date.now() + within;
    if (this._isDisposed || within === Infinity || due >= this._due) {
      return;
    }
    clearTimeout(this._timer);
    this._due = due;
    this._timer = setTimeout(() => void this.refresh(), within);
  }

  private _delay(): number {
    const patience = 2 ** Math.min(this._failures, 4);
    if (this._last?.status === 'pending' && this._last.id !== this._pending?.step.id && this._misses < 6) {
      this._misses += 1;
      return SOON * 2 ** this._misses;
    }
    return this.isActive ? POLL * patience : Infinity;
  }

  private async _tell(request: Request): Promise<string> {
    try {
      await this._request(request);
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      if (request.op !== 'hello') {
        void this.refresh();
      }
    }
  }

  private async _request(content: Request): Promise<Fields> {
    const kernel = this.session.session?.kernel;
    if (!kernel || kernel.isDisposed) {
      throw new protocol.Silence('There is no kernel.');
    }
    return protocol.request(kernel, content);
  }

  private _onMessage(_: unknown, message: KernelMessage.IMessage): void {
    const found = published(message);
    if (found) {
      const { step } = found;
      const moved = step.id !== this._last?.id || step.status !== this._last.status;
      this._misses = moved ? 0 : this._misses;
      this._last = step;
      this._heard.emit(found);
      this._schedule(moved ? 0 : STREAMING);
    } else if (this.isActive && endsCell(message)) {
      this._schedule(0);
    }
  }

  private _onKernelChanged(): void {
    this._forget();
    void this.refreshIfKnown();
  }

  private _onStatus(_: unknown, status: Kernel.Status): void {
    if (RESTARTED.includes(status)) {
      this._forget();
    }
  }

  private _onConnection(_: unknown, status: Kernel.ConnectionStatus): void {
    if (status === 'connected') {
      void this.refreshIfKnown();
    }
  }

  /** Ask the kernel only where something was seen of an agent: other kernels are left alone. */
  async refreshIfKnown(): Promise<void> {
    if (this._state || this.mayHaveAgent()) {
      await this.refresh();
    }
  }

  /** Whether the notebook looks as if its kernel had an agent; set by who knows the notebook. */
  mayHaveAgent: () => boolean = () => false;

  private _forget(): void {
    this._life += 1;
    this._failures = 0;
    clearTimeout(this._timer);
    this._due = Infinity;
    this._last = null;
    this._state = null;
    this._pending?.end();
    this._pending = null;
    this._changed.emit();
  }
}

/** The step in a message, where it holds one that can be read, and all that stands beside it. */
function published(message: KernelMessage.IMessage): IPublished | null {
  const type = message.header.msg_type;
  if (type !== 'display_data' && type !== 'update_display_data') {
    return null;
  }
  const data = (message.content as { data?: Fields }).data;
  try {
    return data?.[protocol.MIME] ? { step: protocol.readStep(data[protocol.MIME]), data } : null;
  } catch {
    return null;
  }
}

function endsCell(message: KernelMessage.IMessage): boolean {
  const parent = message.parent_header as { msg_type?: string };
  const state = (message.content as { execution_state?: string }).execution_state;
  return message.header.msg_type === 'status' && state === 'idle' && parent.msg_type === 'execute_request';
}

/** One agent a session context, made when it is first asked for. */
export class Agents {
  private readonly _all = new Map<ISession, Agent>();
  private readonly _added = new Signal<this, Agent>(this);

  constructor(private readonly _newDraft: NewDraft) {}

  /** Emitted with each agent that is made. */
  get added(): ISignal<this, Agent> {
    return this._added;
  }

  of(session: ISession): Agent {
    const known = this._all.get(session);
    if (known) {
      return known;
    }
    const agent = new Agent(session, this._newDraft);
    this._all.set(session, agent);
    session.disposed.connect(() => this._all.delete(session));
    this._added.emit(agent);
    return agent;
  }
}
