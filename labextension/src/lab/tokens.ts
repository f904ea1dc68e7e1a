/** The names by which JupyterLab and the plugins of this extension know each other. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { Agent } from '../protocol/agent';
import type { Agents } from '../protocol/agents';
import type { PendingStep } from '../protocol/pending';
import type { IServices } from '../step/services';
import type { StepView } from '../step/view';
import type { Settings } from './settings';
import type { Typing } from './typing';

export interface INotebook {
  readonly panel: NotebookPanel;
  readonly agent: Agent;
}

/** What the plugins share: the agents, the views, the settings, and which notebook a command acts on. */
export interface ICodeAct {
  readonly services: IServices;
  /** The step views that are attached to the document, in the order in which they were attached. */
  readonly views: Set<StepView>;
  readonly agents: Agents;
  readonly tracker: INotebookTracker;
  readonly settings: Settings;
  readonly typing: Typing;
  /** The active notebook. */
  readonly notebook: INotebook | null;
  /** The view that has the focus. */
  readonly focused: StepView | null;
  /** The view with a step to decide that a command acts on: the focused one, else a visible one of the active notebook. */
  readonly target: StepView | null;
  /** The agent that a command acts on. */
  readonly agent: Agent | null;
  /** Show the side panel, which can show a step that no cell shows. Set by the panel's plugin. */
  showPanel: () => void;
  /** Return the notebook of an agent: of its views the active one, else a visible one; null if it has none. */
  panelOf(agent: Agent): NotebookPanel | null;
  /** Return a visible view of a pending step; null if there is none. */
  viewOf(pending: PendingStep): StepView | null;
  /** Show the pending step of a notebook, in its cell or else in the panel, and focus it. */
  show(notebook: INotebook): Promise<void>;
}

export const ICodeAct = new Token<ICodeAct>(
  'codeact-magic:ICodeAct',
  'The agents of the open notebooks, and the views of their steps.'
);
