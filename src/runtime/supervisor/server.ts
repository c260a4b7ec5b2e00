/** Requests from clients, by the protocol; see protocol.ts. */
import { CtrError } from "../../core/errors.ts";
import { sendMessage } from "../../sys/sockets.ts";
import { type LineHandlers, type LineSocket, lineSocketHandlers } from "./lines.ts";
import { type Request, toWireError } from "./protocol.ts";
import type { Supervisor } from "./supervisor.ts";

/** The socket is for root alone from the moment it exists. */
export function listen(path: string, supervisor: Supervisor): void {
  const umask = process.umask(0o177);
  try {
    Bun.listen({ unix: path, socket: lineSocketHandlers((socket) => serve(socket, supervisor)) });
  } finally {
    process.umask(umask);
  }
}

/** Serves the connection that the creating client left open for us. `onClosed` when it is gone. */
export async function serveInherited(
  fd: number,
  supervisor: Supervisor,
  onClosed: () => void,
): Promise<void> {
  const handlers = lineSocketHandlers((socket) => {
    const serving = serve(socket, supervisor);
    return {
      ...serving,
      closed() {
        serving.closed();
        onClosed();
      },
    };
  });
  // @types/bun lacks connecting to a descriptor.
  await Bun.connect({ fd, socket: handlers } as unknown as Parameters<typeof Bun.connect>[0]);
}

function serve(socket: LineSocket, supervisor: Supervisor): LineHandlers {
  let isOpen = true;
  return {
    async line(message) {
      const { n, ...request } = message as Request & { n: number };
      try {
        const result = await answer(request as Request, supervisor, socket, () => isOpen);
        if (result !== undefined) socket.send({ n, result });
      } catch (error) {
        socket.send({ n, error: toWireError(error) });
      }
    },
    closed() {
      isOpen = false;
    },
  };
}

async function answer(
  request: Request,
  supervisor: Supervisor,
  socket: LineSocket,
  isOpen: () => boolean,
): Promise<object | undefined> {
  switch (request.op) {
    case "create":
      return supervisor.create(request.start, request.stdio);
    case "start":
      await supervisor.start();
      return {};
    case "exec":
      return supervisor.exec(request.execId, request.stdio);
    case "wait":
      // A client that has died wants nothing removed any more.
      return supervisor.wait(request.execId, () => isOpen() && request.thenDelete === true);
    case "resize":
      supervisor.process(request.execId).resize(request);
      return {};
    case "closeStdin":
      supervisor.process(request.execId).closeStdin();
      return {};
    case "deleteExec":
      return supervisor.deleteExec(request.execId);
    case "delete":
      return supervisor.delete();
    case "console": {
      const { masterFd } = supervisor.process(request.execId);
      if (masterFd === undefined) throw new CtrError("FailedPrecondition", "console without a terminal");
      sendMessage(socket.fd, new Uint8Array([0]), [masterFd]);
      return undefined;
    }
  }
}
