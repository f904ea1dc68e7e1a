/** What every view of a step needs of the application, and the views that are on the page. */
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { CommandRegistry } from '@lumino/commands';
import type { StepView } from './view';

export interface IStage {
  readonly commands: CommandRegistry;
  readonly rendermime: IRenderMimeRegistry;
  readonly editors: IEditorServices;
  readonly languages: IEditorLanguageRegistry;
  /** The views that are attached to the page, in the order in which they came. */
  readonly views: Set<StepView>;
}
