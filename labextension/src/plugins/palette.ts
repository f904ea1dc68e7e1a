/** The plugin that adds the commands to the command palette. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ICodeAct } from '../lab/tokens';
import { addToPalette } from './commands';

export const palette: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:palette',
  description: 'The commands in the command palette.',
  autoStart: true,
  requires: [ICodeAct],
  optional: [ICommandPalette],
  activate: (_: JupyterFrontEnd, __: ICodeAct, items: ICommandPalette | null) => {
    if (items) {
      addToPalette(items);
    }
  }
};
