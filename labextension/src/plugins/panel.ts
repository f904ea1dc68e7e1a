/** The plugins that add the side panel and the item in the status bar. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { codeactIcon } from '../lab/icon';
import { ICodeAct } from '../lab/tokens';
import { SidePanel } from '../panel/panel';
import { StatusItem } from '../panel/status';
import { CommandIDs } from './commands';

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:panel',
  description: 'The side panel: the pending step, the timeline, remarks and prompts.',
  autoStart: true,
  requires: [ICodeAct],
  activate: addPanel
};

export const status: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:status',
  description: 'What the agent of the active notebook does, in the status bar.',
  autoStart: true,
  requires: [ICodeAct],
  // Jupyter Notebook has none.
  optional: [IStatusBar],
  activate: addStatus
};

/** Add the side panel, on the side that the user has set. */
function addPanel(app: JupyterFrontEnd, codeact: ICodeAct): void {
  const panel = new SidePanel(codeact);
  const add = (): void => {
    const side = codeact.settings.panelSide;
    if (panel.parent === null || panel.node.dataset.side !== side) {
      panel.node.dataset.side = side;
      app.shell.add(panel, side, { rank: 900, type: 'CodeAct' });
    }
  };
  add();
  codeact.settings.changed.connect(add);
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

function addStatus(_: JupyterFrontEnd, codeact: ICodeAct, bar: IStatusBar | null): void {
  if (!bar) {
    return;
  }
  const item = new StatusItem(codeact);
  bar.registerStatusItem('codeact-magic:status', {
    item,
    align: 'left',
    rank: 4,
    isActive: () => item.isActive,
    activeStateChanged: item.activeChanged
  });
}
