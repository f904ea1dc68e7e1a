/** The plugin that follows every notebook's agent, and shows the steps in the outputs of its cells. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { type INotebookModel, INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { followCalls } from '../cells/admission';
import { Announcer } from '../cells/announcer';
import { FocusGuide } from '../cells/focus';
import { followOffers } from '../cells/insert';
import { RecordKeeper } from '../cells/records';
import { RANK, stepFactory } from '../cells/renderer';
import { CodeAct } from '../lab/codeact';
import { newDraft } from '../lab/editor';
import { handOver } from '../lab/handover';
import { mayHaveAgent } from '../lab/notebooks';
import { labServices } from '../lab/services';
import { PLUGIN, Settings } from '../lab/settings';
import { ICodeAct } from '../lab/tokens';
import { Typing } from '../lab/typing';
import type { Agent } from '../protocol/agent';
import { Agents } from '../protocol/agents';
import { addCommands } from './commands';

export const steps: JupyterFrontEndPlugin<ICodeAct> = {
  id: PLUGIN,
  description: 'Shows the steps of %%codeact cells, and takes the decisions about them.',
  autoStart: true,
  provides: ICodeAct,
  requires: [INotebookTracker, IEditorServices, IEditorLanguageRegistry, IRenderMimeRegistry],
  optional: [ISettingRegistry],
  activate: start
};

function start(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  editors: IEditorServices,
  languages: IEditorLanguageRegistry,
  rendermime: IRenderMimeRegistry,
  registry: ISettingRegistry | null
): ICodeAct {
  const services = labServices(app.commands, editors, languages, rendermime);
  const settings = new Settings();
  const codeact = new CodeAct(services, new Agents(newDraft, handOver), tracker, settings, new Typing(window));
  const { views } = codeact;
  window.addEventListener('pagehide', event => {
    if (event.isTrusted) {
      codeact.agents.leave();
    }
  });
  if (registry) {
    void settings.follow(registry);
  }
  // Outside a notebook, a step can be seen but not decided.
  rendermime.addFactory(stepFactory({ services, views, agent: null, editorConfig: () => ({}) }), RANK);
  app.docRegistry.addWidgetExtension('Notebook', new NotebookExtension(app, codeact));
  addCommands(app.commands, codeact);
  return codeact;
}

class NotebookExtension implements DocumentRegistry.IWidgetExtension<NotebookPanel, INotebookModel> {
  private readonly _guided = new WeakSet();

  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _codeact: ICodeAct
  ) {}

  /** Called with each notebook, and each further view of one, before its outputs are rendered. */
  createNew(panel: NotebookPanel): void {
    const { services, views, agents } = this._codeact;
    const agent = agents.of(panel.sessionContext);
    const editorConfig = (): Record<string, unknown> => ({ ...panel.content.editorConfig.code });
    panel.content.rendermime.addFactory(stepFactory({ services, views, agent, editorConfig }), RANK);
    agent.mayHaveAgent = () => !panel.isDisposed && mayHaveAgent(panel);
    void panel.context.ready.then(() => agent.refreshIfKnown());
    followOffers(panel, agent);
    if (!this._guided.has(agent)) {
      this._guided.add(agent);
      followCalls(agent);
      new FocusGuide(this._codeact, agent);
      new Announcer(this._codeact, agent, () => void this._goTo(agent));
      new RecordKeeper(this._codeact, agent);
    }
  }

  private async _goTo(agent: Agent): Promise<void> {
    const panel = this._codeact.panelOf(agent);
    if (panel) {
      this._app.shell.activateById(panel.id);
      await this._codeact.show({ panel, agent });
    }
  }
}
