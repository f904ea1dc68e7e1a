/** The plugin that shows saved sessions, with what can be done with them. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ICodeAct } from '../lab/tokens';
import { WAYS } from '../saved/banner';
import { Companions } from '../saved/companion';
import { SESSION, followSession } from '../saved/sessions';

export const sessions: JupyterFrontEndPlugin<void> = {
  id: 'codeact-magic:sessions',
  description: 'Shows saved sessions as such, and goes on with them.',
  autoStart: true,
  requires: [ICodeAct],
  optional: [ICommandPalette],
  activate: addSessions
};

function addSessions(app: JupyterFrontEnd, codeact: ICodeAct, palette: ICommandPalette | null): void {
  const companions = new Companions(app);
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: (panel: NotebookPanel) => {
      followSession(panel, codeact.services, companions);
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
