/** The ids of the commands that act on a step. Users set shortcuts for them. */
export const StepCommandIDs = {
  run: 'codeact:run',
  runAll: 'codeact:run-all',
  reject: 'codeact:reject',
  sendReason: 'codeact:send-reason',
  edit: 'codeact:edit',
  undo: 'codeact:undo',
  redo: 'codeact:redo',
  stop: 'codeact:stop'
} as const;
