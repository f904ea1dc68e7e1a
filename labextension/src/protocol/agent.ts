/** The agent of one notebook: what its kernel reports about it, kept up to date. */
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { type ICall, type IMessage, type IPublished, calledPages, endsCell, publishedStep } from './messages';
import { type NewDraft, PendingStep } from './pending';
import { Proof } from './proof';
import { type IControlChannel, type Plain, Refused, type Request, Silence, request } from './requests';
import { type Fields, Malformed } from './shapes';
import { type IState, readState } from './state';
import type { IStep } from './steps';

/** What is used of a connection to a kernel. */
export interface IKernel extends IControlChannel {
  readonly id: string;
  readonly isDisposed: boolean;
}

/** What is used of the session of a notebook. JupyterLab's session context is one. */
export interface ISession {
  readonly session: { readonly kernel: IKernel | null } | null;
  readonly isDisposed: boolean;
  readonly disposed: ISignal<unknown, void>;
  readonly iopubMessage: ISignal<unknown, IMessage>;
  readonly kernelChanged: ISignal<unknown, unknown>;
  readonly statusChanged: ISignal<unknown, string>;
  readonly connectionStatusChanged: ISignal<unknown, string>;
}

/** Sends `hello`, which holds the key of the page, in a way that no script can read. Resolves to the kernel's reply. */
export type HandOver = (kernel: IKernel, hello: Request) => Promise<Fields>;

/** Milliseconds until a page that is not admitted says hello again. */
const HELLO_AGAIN = 700;
/** Times that it says hello until the user is told, and a decision is no longer held back: a reload takes three. */
const MOST_HELLOS = 5;
/** Milliseconds between two `state` requests while an agent works. iopub reports every change: this finds lost ones. */
const POLL = 5000;
/** Milliseconds between two `state` requests while the reply grows. */
const STREAMING = 1000;
/** Milliseconds until the first `state` request if iopub reports a pending step and the state does not have it yet. */
const SOON = 100;
/** Requests about such a step at most. */
const MOST_MISSES = 6;
/** Doublings of the time between two requests at most, while the kernel does not answer. */
const MOST_DOUBLINGS = 4;

const RESTARTED = ['restarting', 'autorestarting', 'terminating', 'dead'];

/** The proofs of this page, by the id of the kernel: a notebook that is closed and opened again keeps its own. */
const proofs = new Map<string, Proof>();

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
  private _greeting: Promise<void> | null = null;
  private _isAdmitted = false;
  private readonly _asked = new Signal<this, ICall>(this);
  private readonly _changed = new Signal<this, void>(this);
  private readonly _pended = new Signal<this, PendingStep>(this);
  private readonly _published = new Signal<this, IPublished>(this);

  constructor(
    readonly session: ISession,
    private readonly _newDraft: NewDraft,
    private readonly _handOver: HandOver = request
  ) {
    session.iopubMessage.connect(this._onMessage, this);
    session.kernelChanged.connect(this._onKernelChanged, this);
    session.statusChanged.connect(this._onStatus, this);
    session.connectionStatusChanged.connect(this._onConnection, this);
    session.disposed.connect(this.dispose, this);
  }

  /** Emitted when the state or the pending step has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when a step begins to wait for the user. */
  get pended(): ISignal<this, PendingStep> {
    return this._pended;
  }

  /** Emitted with each step as the kernel publishes it. */
  get published(): ISignal<this, IPublished> {
    return this._published;
  }

  /** Emitted when another page asks to be admitted. */
  get asked(): ISignal<this, ICall> {
    return this._asked;
  }

  /** What the kernel last reported; null while it is not known to have an agent. */
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

  /** The current step, or else the last one; null if no step is known. */
  get step(): IStep | null {
    return this._pending?.step ?? this._last;
  }

  /** Return whether this is the current step. */
  isAt(step: IStep): boolean {
    const turn = this.isActive ? this._state?.turn : null;
    const isThere = turn?.thread === step.thread && turn.turn === step.turn && turn.step === step.number;
    return step.id === this._last?.id || isThere;
  }

  /** Request the state; if a request is under way, after its answer. */
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

  /** Stop the turn. Resolves to an empty string, or to the reason why the kernel did not stop it. */
  stop(): Promise<string> {
    return this._send({ op: 'stop' });
  }

  /** Send the model a remark with its next observation. Resolves to an empty string, or to the reason why not. */
  remark(text: string): Promise<string> {
    return this._prove({ op: 'say', text });
  }

  /** Let another page decide as well. Resolves to an empty string, or to the reason why not. */
  admit(asked: ICall): Promise<string> {
    return this._prove({ op: 'admit', page: asked.page, code: asked.code });
  }

  /** Tell the kernel that this page is left: the next one may decide. */
  leave(): void {
    if (this._isAdmitted) {
      void this._sendSigned({ op: 'bye', page: this._page });
    }
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
      const reply = readState(await this._request({ op: 'state', ...since }));
      if (life === this._life) {
        this._failures = 0;
        this._apply('threads' in reply ? reply : { ...this._known(), ...reply });
      }
    } catch {
      // There is no agent, or the kernel is too busy to answer. If an agent is known, ask again, less and less often.
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
      throw new Malformed('an unchanged state, with none known');
    }
    return this._state;
  }

  private _apply(state: IState): void {
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
    const pending = new PendingStep(step, this._newDraft, content => this._prove(content));
    this._pending = pending;
    void this._greet(step.id);
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
    const patience = 2 ** Math.min(this._failures, MOST_DOUBLINGS);
    if (this._last?.status === 'pending' && this._last.id !== this._pending?.step.id && this._misses < MOST_MISSES) {
      this._misses += 1;
      return SOON * 2 ** this._misses;
    }
    return this.isActive ? POLL * patience : Infinity;
  }

  /** Say hello to the kernel: about a step if it has an id, and then again until this page is admitted. */
  private async _greet(id?: string): Promise<void> {
    const life = this._life;
    let wait = (): void => undefined;
    // A decision waits for this: a page that was just loaded again is admitted in a moment.
    this._greeting = new Promise(resolve => (wait = resolve));
    for (let times = 1; life === this._life && !this._isDisposed; times++) {
      const refusal = await this._hello(id);
      this._isAdmitted = refusal === '';
      const isWaiting = id !== undefined && this._pending?.step.id === id;
      if (this._isAdmitted || times >= MOST_HELLOS || !isWaiting) {
        wait();
      }
      if (isWaiting) {
        this._pending?.tell(times >= MOST_HELLOS || this._isAdmitted ? refusal : '');
      }
      if (this._isAdmitted || !isWaiting) {
        break;
      }
      await new Promise(resolve => setTimeout(resolve, HELLO_AGAIN));
    }
    wait();
  }

  /** Resolves to an empty string if this page is admitted, or else to what the kernel says. */
  private async _hello(id?: string): Promise<string> {
    const kernel = this.session.session?.kernel;
    try {
      if (kernel && !kernel.isDisposed) {
        await this._handOver(kernel, proofFor(kernel).hello(id));
      }
    } catch (error) {
      return error instanceof Refused && error.reason === 'stranger' ? error.message : '';
    }
    return '';
  }

  private get _page(): string {
    const kernel = this.session.session?.kernel;
    return kernel ? proofFor(kernel).page : '';
  }

  private async _prove(content: Plain): Promise<string> {
    await (this._greeting ?? this._greet());
    return this._sendSigned(content);
  }

  private _sendSigned(content: Plain): Promise<string> {
    const kernel = this.session.session?.kernel;
    return kernel ? this._send(proofFor(kernel).sign(content)) : Promise.resolve('There is no kernel.');
  }

  private _onCall(call: ICall): void {
    if (call.call === '') {
      void this._greet();
    } else if (call.page !== this._page && this._isAdmitted) {
      void this._sendSigned({ op: 'here', call: call.call });
      this._asked.emit(call);
    }
  }

  private async _send(content: Request): Promise<string> {
    try {
      await this._request(content);
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      void this.refresh();
    }
  }

  private async _request(content: Request): Promise<Fields> {
    const kernel = this.session.session?.kernel;
    if (!kernel || kernel.isDisposed) {
      throw new Silence('There is no kernel.');
    }
    return request(kernel, content);
  }

  private _onMessage(_: unknown, message: IMessage): void {
    const called = calledPages(message);
    if (called) {
      this._onCall(called);
      return;
    }
    const found = publishedStep(message);
    if (found && this._greeting === null) {
      void this._greet(); // before an action can show anything
    }
    if (found) {
      const { step } = found;
      const moved = step.id !== this._last?.id || step.status !== this._last.status;
      this._misses = moved ? 0 : this._misses;
      this._last = step;
      this._published.emit(found);
      this._schedule(moved ? 0 : STREAMING);
    } else if (this.isActive && endsCell(message)) {
      this._schedule(0);
    }
  }

  private _onKernelChanged(): void {
    this._forget();
    void this.refreshIfKnown();
  }

  private _onStatus(_: unknown, status: string): void {
    if (RESTARTED.includes(status)) {
      this._forget();
    }
  }

  private _onConnection(_: unknown, status: string): void {
    if (status === 'connected') {
      void this.refreshIfKnown();
    }
  }

  /** Request the state, but only of a kernel that has an agent or may have one. */
  async refreshIfKnown(): Promise<void> {
    if (this._state || this.mayHaveAgent()) {
      await this.refresh();
    }
  }

  /** Return whether the notebook looks as if its kernel has an agent. Set by the code that knows the notebook. */
  mayHaveAgent: () => boolean = () => false;

  private _forget(): void {
    this._life += 1;
    this._greeting = null;
    this._isAdmitted = false;
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

function proofFor(kernel: IKernel): Proof {
  const proof = proofs.get(kernel.id) ?? new Proof();
  proofs.set(kernel.id, proof);
  return proof;
}
