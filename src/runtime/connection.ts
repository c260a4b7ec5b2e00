import { closeSync, openSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Bundle } from "./bundle.ts";
import { type LineSocket, lineSocketHandlers } from "./supervisor/lines.ts";
import { type Answers, fromWireError, type Reply, type Request } from "./supervisor/protocol.ts";

/** A client's line to a supervisor. */
export interface Connection extends Disposable {
  /** Throws what the supervisor throws; Unavailable when it is gone, and then the disk knows more. */
  ask<R extends Request>(request: R): Promise<Answers[R["op"]]>;
}

type Answer = (reply: Reply | undefined) => void;

/** Over a connected socket. */
export function connectByFd(fd: number): Promise<Connection> {
  return connect({ fd });
}

/** `undefined` when there is no supervisor. */
export async function connectToSupervisor(bundle: Pick<Bundle, "path">): Promise<Connection | undefined> {
  let directoryFd: number;
  try {
    directoryFd = openSync(bundle.path, "r");
  } catch {
    return undefined;
  }
  try {
    // A path of any length: a socket's own may have 107 bytes only.
    return await connect({ unix: `/proc/self/fd/${directoryFd}/supervisor.sock` });
  } catch {
    return undefined;
  } finally {
    closeSync(directoryFd);
  }
}

async function connect(target: { fd: number } | { unix: string }): Promise<Connection> {
  const pending = new Map<number, Answer>();
  let socket: LineSocket | undefined;
  let count = 0;
  const handlers = lineSocketHandlers((opened) => {
    socket = opened;
    return {
      line(message) {
        const reply = message as Reply;
        pending.get(reply.n)?.(reply);
        pending.delete(reply.n);
      },
      closed() {
        socket = undefined;
        for (const answer of pending.values()) answer(undefined);
        pending.clear();
      },
    };
  });
  // @types/bun lacks connecting to a descriptor.
  await Bun.connect({ ...target, socket: handlers } as unknown as Parameters<typeof Bun.connect>[0]);
  return {
    ask(request) {
      const { promise, resolve, reject } = Promise.withResolvers<object>();
      const n = count++;
      pending.set(n, (reply) => {
        if (reply === undefined) reject(new SupervisorGone());
        else if ("error" in reply) reject(fromWireError(reply.error));
        else resolve(reply.result);
      });
      if (socket === undefined) {
        pending.delete(n);
        reject(new SupervisorGone());
      }
      socket?.send({ n, ...request });
      return promise as Promise<never>;
    },
    [Symbol.dispose]() {
      socket?.close();
    },
  };
}

export class SupervisorGone extends CtrError {
  constructor() {
    super("Unavailable", "supervisor");
  }
}

/** To a supervisor that is no more. */
export const deadConnection: Connection = {
  ask: () => Promise.reject(new SupervisorGone()),
  [Symbol.dispose]() {},
};
