/** JupyterLab's editor for the code of a step, and its highlighter. */
import { EditorView, highlightSpecialChars } from '@codemirror/view';
import { CodeEditor, CodeEditorWrapper, type IEditorServices } from '@jupyterlab/codeeditor';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IDraft, PendingStep } from '../protocol/pending';
import type { IDraftEditor, IEditorOptions } from '../step/services';

const PYTHON = 'text/x-ipython';

/** Return a draft that several of JupyterLab's editors can share. */
export function newDraft(code: string): IDraft {
  const model = new CodeEditor.Model({ mimeType: PYTHON });
  model.sharedModel.setSource(code);
  model.sharedModel.clearUndoHistory();
  return model;
}

/** Return an editor for a draft that `newDraft` made. */
export function openEditor(editors: IEditorServices, pending: PendingStep, options: IEditorOptions): IDraftEditor {
  const { config, hidden, label, mark } = options;
  const widget = new CodeEditorWrapper({
    model: pending.draft as CodeEditor.IModel,
    factory: options => editors.factoryService.newInlineEditor(options),
    editorOptions: {
      // Wrapped, whatever the settings of the notebook's cells: code far to the right runs as well.
      config: { ...config, lineWrap: true },
      extensions: [
        highlightSpecialChars({ addSpecialChars: hidden, render: mark }),
        EditorView.contentAttributes.of({ 'aria-label': label })
      ]
    }
  });
  const { editor } = widget;
  return {
    widget,
    content: editor.host.querySelector('.cm-content'),
    setReadOnly: isReadOnly => {
      editor.setOption('readOnly', isReadOnly);
    },
    focus: () => {
      editor.focus();
    },
    undo: () => {
      editor.undo();
    },
    redo: () => {
      editor.redo();
    }
  };
}

/** Append Python code to an element, coloured if `isColoured`. */
export async function highlight(
  languages: IEditorLanguageRegistry,
  code: string,
  isColoured: boolean,
  into: HTMLElement
): Promise<void> {
  await languages.highlight(code, isColoured ? languages.findByMIME(PYTHON) : null, into);
}
