/** Asks the user whether another page may decide as well. */
import { Notification } from '@jupyterlab/apputils';
import { complain } from '../lab/complain';
import type { Agent } from '../protocol/agent';
import type { ICall } from '../protocol/messages';

/** Ask in this page whenever a page asks the kernel of `agent` to be admitted. */
export function followCalls(agent: Agent): void {
  let shown: string | null = null;
  const dismiss = (): void => {
    if (shown !== null) {
      Notification.dismiss(shown);
      shown = null;
    }
  };
  const admit = async (call: ICall): Promise<void> => {
    const error = await agent.admit(call);
    if (error) {
      complain(`The other page was not admitted: ${error}`);
    }
  };
  agent.asked.connect((_, call) => {
    dismiss();
    shown = Notification.warning(`Another page asks to decide about steps, under the code ${call.code}. Is it yours?`, {
      autoClose: false,
      actions: [
        {
          label: 'Admit',
          displayType: 'warn',
          // A script in an output can click, too.
          callback: (event: MouseEvent) => {
            if (event.isTrusted) {
              void admit(call);
            }
          }
        }
      ]
    });
  });
  agent.session.disposed.connect(dismiss);
}
