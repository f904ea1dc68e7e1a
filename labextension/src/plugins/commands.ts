/** The commands. Each acts on the step that has the focus, or else on the active notebook, and is enabled if it can. */
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import { codeactIcon } from '../lab/icon';
import { insertPrompt, isPython } from '../lab/notebooks';
import type { ICodeAct } from '../lab/tokens';
import { StepCommandIDs } from '../step/commandIds';

export const CommandIDs = {
  ...StepCommandIDs,
  show: 'codeact:show',
  ask: 'codeact:ask',
  panel: 'codeact:panel'
} as const;

export function addCommands(commands: CommandRegistry, codeact: ICodeAct): void {
  const add = (id: string, options: CommandRegistry.ICommandOptions): void => {
    commands.addCommand(id, { describedBy: { args: {} }, ...options });
  };
  const canDecide = (): boolean => codeact.target !== null;
  // A key that is held down must not run the next step as well.
  const decide = (act: () => void): void => {
    if (!codeact.typing.repeats) {
      act();
    }
  };
  add(CommandIDs.run, {
    label: 'Run the Pending Step',
    caption: 'Run the code of the step that waits, as it stands in the editor',
    isEnabled: canDecide,
    execute: () => {
      decide(() => void codeact.target?.pending?.approve());
    }
  });
  add(CommandIDs.runAll, {
    label: 'Run All Steps of This Turn',
    caption: 'Run the step that waits, and all that follow until the answer, unasked',
    isEnabled: canDecide,
    execute: () => {
      decide(() => void codeact.target?.pending?.approve(true));
    }
  });
  add(CommandIDs.reject, {
    label: 'Reject the Pending Step…',
    caption: 'Do not run the step that waits; where a model has proposed it, tell it why',
    isEnabled: canDecide,
    execute: () => {
      codeact.target?.asking.askReason();
    }
  });
  add(CommandIDs.sendReason, {
    label: 'Send the Reason',
    isVisible: () => false,
    isEnabled: canDecide,
    execute: () => {
      codeact.target?.asking.sendReason();
    }
  });
  add(CommandIDs.edit, {
    label: 'Edit the Pending Step',
    isEnabled: canDecide,
    execute: () => {
      codeact.target?.edit();
    }
  });
  addNotebookCommands(add, codeact);
  addEditorCommands(add, commands, codeact);
}

function addNotebookCommands(add: Add, codeact: ICodeAct): void {
  add(CommandIDs.stop, {
    label: 'Stop the Agent',
    caption: 'End the turn: while the model thinks, while a step waits, and while code runs',
    isEnabled: () => codeact.agent?.isActive ?? false,
    execute: () => codeact.agent?.stop()
  });
  add(CommandIDs.show, {
    label: 'Show the Pending Step',
    isEnabled: () => Boolean(codeact.notebook?.agent.pending),
    execute: () => codeact.notebook && codeact.show(codeact.notebook)
  });
  add(CommandIDs.ask, {
    label: 'Ask CodeAct',
    caption: 'Insert a %%codeact cell below the active one',
    icon: codeactIcon,
    isEnabled: () => codeact.notebook !== null && isPython(codeact.notebook.panel),
    execute: () => {
      if (codeact.notebook) {
        insertPrompt(codeact.notebook.panel, codeact.notebook.agent);
      }
    }
  });
}

/** Undo and redo act on the editor that has the focus: JupyterLab's own commands would act on the cell around it. */
function addEditorCommands(add: Add, commands: CommandRegistry, codeact: ICodeAct): void {
  const hidden = { isVisible: () => false, isEnabled: () => codeact.focused !== null };
  add(CommandIDs.undo, { ...hidden, label: 'Undo', execute: () => codeact.focused?.undo() });
  add(CommandIDs.redo, { ...hidden, label: 'Redo', execute: () => codeact.focused?.redo() });
  const selector = '.codeact-Step .cm-content';
  commands.addKeyBinding({ command: CommandIDs.undo, keys: ['Accel Z'], selector });
  commands.addKeyBinding({ command: CommandIDs.redo, keys: ['Accel Shift Z'], selector });
  commands.addKeyBinding({ command: CommandIDs.redo, keys: ['Accel Y'], selector });
}

type Add = (id: string, options: CommandRegistry.ICommandOptions) => void;

export function addToPalette(palette: ICommandPalette): void {
  const { run, runAll, reject, edit, stop, show, ask, panel } = CommandIDs;
  for (const command of [run, runAll, reject, edit, stop, show, ask, panel]) {
    palette.addItem({ command, category: 'CodeAct' });
  }
}
