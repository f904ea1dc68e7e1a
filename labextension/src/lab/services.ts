/** JupyterLab as the application around a step view. */
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { CommandRegistry } from '@lumino/commands';
import type { IServices } from '../step/services';
import { highlight, openEditor } from './editor';
import { newMarkdown } from './markdown';

export function labServices(
  commands: CommandRegistry,
  editors: IEditorServices,
  languages: IEditorLanguageRegistry,
  rendermime: IRenderMimeRegistry
): IServices {
  return {
    openEditor: (pending, options) => openEditor(editors, pending, options),
    highlight: (code, isColoured, into) => highlight(languages, code, isColoured, into),
    newMarkdown: () => newMarkdown(rendermime),
    keysOf: command => keysOf(commands, command)
  };
}

function keysOf(commands: CommandRegistry, command: string): string {
  const binding = commands.keyBindings.find(one => one.command === command);
  return binding ? CommandRegistry.formatKeystroke(binding.keys) : '';
}
