/** What the view of a step needs of the application around it. */
import type { Widget } from '@lumino/widgets';
import type { PendingStep } from '../protocol/pending';

/** An editor for the draft of a pending step. */
export interface IDraftEditor {
  readonly widget: Widget;
  /** The element that grows with the text. */
  readonly content: Element | null;
  setReadOnly(isReadOnly: boolean): void;
  focus(): void;
  undo(): void;
  redo(): void;
}

export interface IEditorOptions {
  readonly label: string;
  /** The settings of the notebook's own code cells. */
  readonly config: Record<string, unknown>;
  /** Matches the characters that the editor must not show as they are. */
  readonly hidden: RegExp;
  /** Return what the editor shows for such a character. */
  readonly mark: (code: number) => HTMLElement;
}

/** Shows one text of Markdown. */
export interface IMarkdownRenderer {
  readonly widget: Widget;
  /** Resolves once the text is shown. */
  render(text: string): Promise<void>;
}

export interface IServices {
  openEditor(pending: PendingStep, options: IEditorOptions): IDraftEditor;
  /** Append Python code to an element, coloured if `isColoured`. Resolves once it is there. */
  highlight(code: string, isColoured: boolean, into: HTMLElement): Promise<void>;
  /** Return a renderer for Markdown that may only look like text; null if there is none. */
  newMarkdown(): IMarkdownRenderer | null;
  /** Return the keys that the user has set for a command, as the platform writes them; an empty string if none. */
  keysOf(command: string): string;
}
