/** The agents of the open notebooks. */
import { type ISignal, Signal } from '@lumino/signaling';
import { Agent, type HandOver, type ISession } from './agent';
import type { NewDraft } from './pending';

/** One agent for each session, made on first use. */
export class Agents {
  private readonly _all = new Map<ISession, Agent>();
  private readonly _added = new Signal<this, Agent>(this);

  constructor(
    private readonly _newDraft: NewDraft,
    private readonly _handOver?: HandOver
  ) {}

  /** Emitted with each new agent. */
  get added(): ISignal<this, Agent> {
    return this._added;
  }

  /** Tell all kernels that this page is left. */
  leave(): void {
    for (const agent of this._all.values()) {
      agent.leave();
    }
  }

  of(session: ISession): Agent {
    const known = this._all.get(session);
    if (known) {
      return known;
    }
    const agent = new Agent(session, this._newDraft, this._handOver);
    this._all.set(session, agent);
    session.disposed.connect(() => this._all.delete(session));
    this._added.emit(agent);
    return agent;
  }
}
