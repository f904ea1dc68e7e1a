import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Agents } from './agents';
import { newDraft } from './code';
import { RANK, stepFactory } from './renderer';
import type { IStage } from './stage';
import { PLUGIN } from './tokens';
import { DisposableDelegate } from '@lumino/disposable';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  autoStart: true,
  requires: [IEditorServices, IEditorLanguageRegistry, IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, editors: IEditorServices, languages: IEditorLanguageRegistry, rendermime: IRenderMimeRegistry) => {
    const stage: IStage = { commands: app.commands, editors, languages, rendermime, views: new Set() };
    const agents = new Agents(newDraft);
    rendermime.addFactory(stepFactory({ stage, agent: null, editorConfig: () => ({}) }), RANK);
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (panel: NotebookPanel) => {
        const agent = agents.of(panel.sessionContext);
        panel.content.rendermime.addFactory(stepFactory({ stage, agent, editorConfig: () => panel.content.editorConfig.code as Record<string, unknown> }), RANK);
        return new DisposableDelegate(() => {});
      }
    } as never);
  }
};
export default plugin;
