/**
 * The plugins of the extension.
 *
 * The folders, from the bottom up; each imports only from those before it:
 *
 *     protocol   what goes between the kernel and a front end, and the state that follows from it; no DOM
 *     text       the words for it, and searches in texts; no DOM
 *     step       the view of a step; no JupyterLab
 *     lab        what this extension uses of JupyterLab
 *     cells      steps in a notebook's cells
 *     panel      the side panel and the status bar
 *     saved      session notebooks
 *     plugins    the plugins, which put all of it together
 *
 * `__tests__/imports.test.ts` checks that.
 */
import { palette } from './plugins/palette';
import { panel, status } from './plugins/panel';
import { sessions } from './plugins/sessions';
import { steps } from './plugins/steps';

export default [steps, panel, palette, status, sessions];
