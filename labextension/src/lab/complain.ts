/** Errors that are shown beside the notebook. */
import { Notification } from '@jupyterlab/apputils';

/** Show an error until the user closes it. With a time limit, JupyterLab would move it to its list, unseen. */
export function complain(line: string): void {
  Notification.error(line, { autoClose: false });
}
