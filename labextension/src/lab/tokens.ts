/** The names by which JupyterLab, its users and the parts of this extension know each other. */
import { Token } from '@lumino/coreutils';
import type { CodeAct } from './codeact';

export const PLUGIN = 'codeact-magic:plugin';

export const ICodeAct = new Token<CodeAct>(
  'codeact-magic:ICodeAct',
  'The agents of the open notebooks, and the views of their steps.'
);

export const CommandIDs = {
  run: 'codeact:run',
  runAll: 'codeact:run-all',
  reject: 'codeact:reject',
  sendReason: 'codeact:send-reason',
  edit: 'codeact:edit',
  undo: 'codeact:undo',
  redo: 'codeact:redo',
  stop: 'codeact:stop',
  show: 'codeact:show',
  ask: 'codeact:ask',
  panel: 'codeact:panel',
  resume: 'codeact:continue',
  replay: 'codeact:replay',
  verify: 'codeact:verify'
} as const;
