/** What the parts of this extension share: the agents, the views, the settings, and which notebook is meant. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Agent, Agents } from './agents';
import { reveal } from './notebooks';
import type { PendingStep } from './pending';
import type { Settings } from './settings';
import type { IStage } from './stage';
import type { Typing } from './typing';
import type { StepView } from './view';

export interface INotebook {
  readonly panel: NotebookPanel;
  readonly agent: Agent;
}

export class CodeAct {
  /** Show the side panel, which can show a step that no cell shows. Set by the panel. */
  showPanel: () => void = () => undefined;

  constructor(
    readonly stage: IStage,
    readonly agents: Agents,
    readonly tracker: INotebookTracker,
    readonly settings: Settings,
    readonly typing: Typing
  ) {}

  /** The active notebook. */
  get notebook(): INotebook | null {
    const panel = this.tracker.currentWidget;
    return panel ? { panel, agent: this.agents.of(panel.sessionContext) } : null;
  }

  /** The notebook of an agent: of its views the active one, else one that can be seen. */
  panelOf(agent: Agent): NotebookPanel | null {
    const panels: NotebookPanel[] = [];
    this.tracker.forEach(panel => {
      if (panel.sessionContext === agent.session) {
        panels.push(panel);
      }
    });
    const current = panels.find(panel => panel === this.tracker.currentWidget);
    return current ?? panels.find(panel => panel.isVisible) ?? panels[0] ?? null;
  }

  /** The view that has the focus. */
  get focused(): StepView | null {
    const node = document.activeElement?.closest('.codeact-Step');
    return [...this.stage.views].find(view => view.node === node) ?? null;
  }

  /** The view to act on, with something to decide: the focused one, else one of the active notebook on the screen. */
  get target(): StepView | null {
    const { focused } = this;
    if (focused) {
      return focused.pending?.isOpen ? focused : null;
    }
    const pending = this.notebook?.agent.pending;
    return pending?.isOpen ? this.viewOf(pending) : null;
  }

  /** The agent to act on. */
  get agent(): Agent | null {
    return this.focused?.agent ?? this.notebook?.agent ?? null;
  }

  /** A view of a pending step that the user can see. */
  viewOf(pending: PendingStep): StepView | null {
    return [...this.stage.views].find(view => view.pending === pending && view.isVisible) ?? null;
  }

  /** Bring the pending step of a notebook before the user, in its cell or else in the panel, and focus it. */
  async show({ panel, agent }: INotebook): Promise<void> {
    const { pending } = agent;
    if (pending) {
      const view = await reveal(panel, pending.step.id, this.stage);
      if (!view) {
        this.showPanel();
      }
      (view ?? this.viewOf(pending))?.focus();
    }
  }
}
