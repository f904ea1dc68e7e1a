/** Hands the key of this page over to a kernel, on a connection of its own that no script in the page reads. */
import type { Kernel } from '@jupyterlab/services';
import type { IKernel } from '../protocol/agent';
import { unique } from '../protocol/random';
import { type Request, Silence, accepted, message } from '../protocol/requests';
import type { Fields } from '../protocol/shapes';

/** Milliseconds in which the kernel must have answered. */
const PATIENCE = 5000;

// Taken when the extension is loaded: a script in an output may put something else in their place, and listen.
const Socket = WebSocket;
const { apply } = Reflect;
const { parse, stringify } = JSON;
const socketSend = Socket.prototype.send;
const socketClose = Socket.prototype.close;
const listen = EventTarget.prototype.addEventListener;
const dataOf = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data')?.get;

/** Send `hello` on a socket that is closed again. Rejects with Refused or Silence. */
export function handOver(kernel: IKernel, hello: Request): Promise<Fields> {
  const { id, serverSettings } = kernel as unknown as Kernel.IKernelConnection;
  const token = serverSettings.appendToken && serverSettings.token ? `&token=${encodeURIComponent(serverSettings.token)}` : '';
  const session = unique();
  const url = `${serverSettings.wsUrl}api/kernels/${encodeURIComponent(id)}/channels?session_id=${session}${token}`;
  const sent = message(session, hello);
  return new Promise((resolve, reject) => {
    const socket = new Socket(url);
    const end = (act: () => void): void => {
      clearTimeout(timer);
      apply(socketClose, socket, []);
      act();
    };
    const silence = (): void => {
      end(() => {
        reject(new Silence('The kernel does not answer.'));
      });
    };
    const timer = setTimeout(silence, PATIENCE);
    apply(listen, socket, [
      'open',
      () => {
        apply(socketSend, socket, [stringify(sent)]);
      }
    ]);
    apply(listen, socket, ['error', silence]);
    apply(listen, socket, [
      'message',
      (event: MessageEvent) => {
        const reply = read(event);
        if (reply?.parent_header.msg_id === sent.header.msg_id && reply.channel === 'control') {
          end(() => {
            try {
              resolve(accepted(reply.content));
            } catch (error) {
              reject(error instanceof Error ? error : new Silence(String(error)));
            }
          });
        }
      }
    ]);
  });
}

interface IReply {
  readonly channel: string;
  readonly parent_header: { readonly msg_id?: string };
  readonly content: unknown;
}

function read(event: MessageEvent): IReply | null {
  const data: unknown = dataOf ? apply(dataOf, event, []) : event.data;
  return typeof data === 'string' ? (parse(data) as IReply) : null;
}
