/** What each plugin puts together out of the parts. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { INotebookModel, INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStatusBar } from '@jupyterlab/statusbar';
import { type Agent, Agents } from './agents';
import { WAYS } from './banner';
import { CodeAct } from './codeact';
import { Companions } from './companion';
import { newDraft } from './code';
import { addCommands } from './commands';
import { FocusGuide } from './focus';
import { codeactIcon } from './icon';
import { followOffers } from './insert';
import { mayHaveAgent } from './notebooks';
import { Announcer } from './notify';
import { SidePanel } from './panel';
import { RecordKeeper } from './records';
import { RANK, stepFactory } from './renderer';
import { SESSION, followSession } from './sessions';
import { Settings } from './settings';
import type { IStage } from './stage';
import { StatusItem } from './status';
import { CommandIDs } from './tokens';
import { Typing } from './typing';

/** Follow every notebook's agent, and show the steps in its outputs. */
export function start(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  editors: IEditorServices,
  languages: IEditorLanguageRegistry,
  rendermime: IRenderMimeRegistry,
  registry: ISettingRegistry | null
): CodeAct {
  const stage: IStage = { commands: app.commands, editors, languages, rendermime, views: new Set() };
  const settings = new Settings();
  const codeact = new CodeAct(stage, new Agents(newDraft), tracker, settings, new Typing(window));
  if (registry) {
    void settings.follow(registry);
  }
  // Outside of notebooks a step can be seen, and not decided.
  rendermime.addFactory(stepFactory({ stage, agent: null, editorConfig: () => ({}) }), RANK);
  app.docRegistry.addWidgetExtension('Notebook', new NotebookExtension(app, codeact));
  addCommands(app.commands, codeact);
  return codeact;
}

class NotebookExtension implements DocumentRegistry.IWidgetExtension<NotebookPanel, INotebookModel> {
  private readonly _guided = new WeakSet();

  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _codeact: CodeAct
  ) {}

  /** Called with each notebook, and each further view of one, before its outputs are rendered. */
  createNew(panel: NotebookPanel): void {
    const { stage, agents } = this._codeact;
    const agent = agents.of(panel.sessionContext);
    const editorConfig = (): Record<string, unknown> => ({ ...panel.content.editorConfig.code });
    panel.content.rendermime.addFactory(stepFactory({ stage, agent, editorConfig }), RANK);
    agent.mayHaveAgent = () => !panel.isDisposed && mayHaveAgent(panel);
    void panel.context.ready.then(() => agent.refreshIfKnown());
    followOffers(panel, agent);
    if (!this._guided.has(agent)) {
      this._guided.add(agent);
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

/** Add the side panel, where the user wants it. */
export function addPanel(app: JupyterFrontEnd, codeact: CodeAct): void {
  const panel = new SidePanel(codeact);
  const place = (): void => {
    const side = codeact.settings.panelSide;
    if (panel.parent === null || panel.node.dataset.side !== side) {
      panel.node.dataset.side = side;
      app.shell.add(panel, side, { rank: 900, type: 'CodeAct' });
    }
  };
  place();
  codeact.settings.changed.connect(place);
  codeact.showPanel = () => {
    app.shell.activateById(panel.id);
  };
  app.commands.addCommand(CommandIDs.panel, {
    label: 'Show the CodeAct Panel',
    icon: codeactIcon,
    describedBy: { args: {} },
    execute: codeact.showPanel
  });
}

export function addStatus(codeact: CodeAct, bar: IStatusBar): void {
  const item = new StatusItem(codeact);
  bar.registerStatusItem('codeact-magic:status', {
    item,
    align: 'left',
    rank: 4,
    isActive: () => item.isActive,
    activeStateChanged: item.activeChanged
  });
}

/** Show session notebooks as what they are, with what can be done with them. */
export function addSessions(app: JupyterFrontEnd, codeact: CodeAct, palette: ICommandPalette | null): void {
  const companions = new Companions(app);
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: (panel: NotebookPanel) => {
      followSession(panel, codeact.stage, companions);
    }
  });
  for (const { way, command, label, caption } of WAYS) {
    app.commands.addCommand(command, {
      label: `${label} This Session`,
      caption,
      describedBy: { args: {} },
      isEnabled: () => codeact.notebook?.panel.hasClass(SESSION) ?? false,
      execute: () => codeact.notebook && companions.begin(way, codeact.notebook.panel)
    });
    palette?.addItem({ command, category: 'CodeAct' });
  }
}
