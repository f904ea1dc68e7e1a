import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import type { CodeAct } from './codeact';
import { addToPalette } from './commands';
import { addPanel, addSessions, addStatus, start } from './plugins';
import { ICodeAct, PLUGIN } from './tokens';

const steps: JupyterFrontEndPlugin<CodeAct> = {
  id: PLUGIN,
  description: 'Shows the steps of %%codeact cells, and takes the decisions about them.',
  autoStart: true,
  provides: ICodeAct,
  requires: [INotebookTracker, IEditorServices, IEditorLanguageRegistry, IRenderMimeRegistry],
  optional: [ISettingRegistry],
  activate: start
};

const panel: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:panel',
  description: 'The side panel: the pending step, the timeline, remarks and prompts.',
  autoStart: true,
  requires: [ICodeAct],
  activate: addPanel
};

const palette: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:palette',
  description: 'The commands in the command palette.',
  autoStart: true,
  requires: [ICodeAct],
  optional: [ICommandPalette],
  activate: (_: JupyterFrontEnd, __: CodeAct, items: ICommandPalette | null) => {
    if (items) {
      addToPalette(items);
    }
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:status',
  description: 'What the agent of the active notebook is at, in the status bar.',
  autoStart: true,
  requires: [ICodeAct],
  // Jupyter Notebook has none.
  optional: [IStatusBar],
  activate: (_: JupyterFrontEnd, codeact: CodeAct, bar: IStatusBar | null) => {
    if (bar) {
      addStatus(codeact, bar);
    }
  }
};

const sessions: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:sessions',
  description: 'Shows saved sessions as what they are, and goes on with them.',
  autoStart: true,
  requires: [ICodeAct],
  optional: [ICommandPalette],
  activate: addSessions
};

export default [steps, panel, palette, status, sessions];
