/** The names by which JupyterLab, its users and the parts of this extension know each other. */

export const PLUGIN = 'codeact-magic:plugin';

export namespace CommandIDs {
  export const run = 'codeact:run';
  export const runAll = 'codeact:run-all';
  export const reject = 'codeact:reject';
  export const sendReason = 'codeact:send-reason';
  export const edit = 'codeact:edit';
  export const undo = 'codeact:undo';
  export const redo = 'codeact:redo';
  export const stop = 'codeact:stop';
  export const show = 'codeact:show';
  export const ask = 'codeact:ask';
  export const panel = 'codeact:panel';
}
