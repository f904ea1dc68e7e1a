/** What the plugins share. `ICodeAct` describes it. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Agent } from '../protocol/agent';
import type { Agents } from '../protocol/agents';
import type { PendingStep } from '../protocol/pending';
import type { IServices } from '../step/services';
import type { StepView } from '../step/view';
import { reveal } from './notebooks';
import type { Settings } from './settings';
import type { ICodeAct, INotebook } from './tokens';
import type { Typing } from './typing';

export class CodeAct implements ICodeAct {
  readonly views = new Set<StepView>();
  showPanel: () => void = () => undefined;

  constructor(
    readonly services: IServices,
    readonly agents: Agents,
    readonly tracker: INotebookTracker,
    readonly settings: Settings,
    readonly typing: Typing
  ) {}

  get notebook(): INotebook | null {
    const panel = this.tracker.currentWidget;
    return panel ? { panel, agent: this.agents.of(panel.sessionContext) } : null;
  }

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

  get focused(): StepView | null {
    const node = document.activeElement?.closest('.codeact-Step');
    return [...this.views].find(view => view.node === node) ?? null;
  }

  get target(): StepView | null {
    const { focused } = this;
    if (focused) {
      return focused.pending?.isOpen ? focused : null;
    }
    const pending = this.notebook?.agent.pending;
    return pending?.isOpen ? this.viewOf(pending) : null;
  }

  get agent(): Agent | null {
    return this.focused?.agent ?? this.notebook?.agent ?? null;
  }

  viewOf(pending: PendingStep): StepView | null {
    return [...this.views].find(view => view.pending === pending && view.isVisible) ?? null;
  }

  async show({ panel, agent }: INotebook): Promise<void> {
    const { pending } = agent;
    if (pending) {
      const view = await reveal(panel, pending.step.id, this.views);
      if (!view) {
        this.showPanel();
      }
      (view ?? this.viewOf(pending))?.focus();
    }
  }
}
