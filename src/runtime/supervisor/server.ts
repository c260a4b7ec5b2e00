/** Requests from clients, by the protocol; see protocol.ts. */
import { CtrError } from "../../core/errors.ts";
import { createHold, type Hold } from "./hold.ts";
import { type LineHandlers, type LineSocket, lineSocketHandlers } from "./lines.ts";
import type { SupervisedProcess } from "./processes.ts";
import { type Request, toWireError, toWireExit, type WireExit } from "./protocol.ts";
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

/** Serves the client that had us started, on the connection it left open for us. */
export async function serveOwner(fd: number, supervisor: Supervisor): Promise<void> {
  const handlers = lineSocketHandlers((socket) => {
    const serving = serve(socket, supervisor, supervisor.ownerServed);
    return {
      ...serving,
      closed() {
        serving.closed();
        supervisor.ownerGone();
      },
    };
  });
  // @types/bun lacks connecting to a descriptor.
  await Bun.connect({ fd, socket: handlers } as unknown as Parameters<typeof Bun.connect>[0]);
}

function serve(socket: LineSocket, supervisor: Supervisor, onServed = () => {}): LineHandlers {
  let isOpen = true;
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  /** By the promise that is theirs alone: an id goes from one exec to the next. */
  const attachedExecs = new Map<Promise<SupervisedProcess>, string>();
  const hold = createHold(supervisor.container);
  return {
    line(message) {
      const { n, ...request } = message as Request & { n: number };
      void supervisor.during(async () => {
        try {
          const result = await answer(request as Request, supervisor, {
            socket,
            hold,
            isOpen: () => isOpen,
            closed: () => closed,
            attach: (exec, execId) => attachedExecs.set(exec, execId),
            served: onServed,
          });
          if (result !== undefined) socket.send({ n, result });
          if (isOpen && endsTask(request as Request)) onServed();
        } catch (error) {
          socket.send({ n, error: toWireError(error) });
        }
      });
    },
    closed() {
      isOpen = false;
      onClosed();
      for (const [exec, execId] of attachedExecs)
        void supervisor.during(() => supervisor.execs.abandon(execId, exec));
      // It may have ended meanwhile.
      void supervisor.during(() => hold.end().catch(() => {}));
    },
  };
}

/** After this its client needs nobody to clean up after it. */
function endsTask(request: Request): boolean {
  if (request.op === "wait") return request.thenDelete === true;
  return request.op === "delete";
}

/** The client that asks. */
interface Asker {
  socket: LineSocket;
  hold: Hold;
  isOpen(): boolean;
  /** Settles when it has gone. */
  closed(): Promise<void>;
  /** Nobody but the client on this line will want the exec's exit. */
  attach(exec: Promise<SupervisedProcess>, execId: string): void;
  /** It needs nobody to clean up after it. */
  served(): void;
}

async function answer(
  request: Request,
  supervisor: Supervisor,
  { socket, hold, isOpen, closed, attach, served }: Asker,
): Promise<object | undefined> {
  const { container, execs } = supervisor;
  switch (request.op) {
    case "create":
      return { pid: await container.create(request.start, request.stdio, request.ahead) };
    case "start":
      await container.start();
      return {};
    case "passGate":
      await container.passGate(request.pid);
      return {};
    case "exec": {
      const exec = startExec(supervisor, request);
      if (request.attached) attach(exec, request.execId);
      return { pid: (await exec).pid };
    }
    case "wait":
      // A client that has died wants nothing removed any more.
      return wait(supervisor, request.execId, () => isOpen() && request.thenDelete === true);
    case "resize":
      supervisor.process(request.execId).resize(request);
      return {};
    case "closeStdin":
      supervisor.process(request.execId).closeStdin();
      return {};
    case "deleteExec":
      return execs.delete(request.execId);
    case "delete":
      return remove(supervisor);
    case "withdraw":
      void supervisor.during(closed);
      return withdraw(supervisor, isOpen);
    case "leave":
      served();
      await removeTrees(supervisor, request.trees);
      return {};
    case "pause":
      await hold.begin();
      return {};
    case "resume":
      await hold.end();
      return {};
    case "console":
      await sendMaster(supervisor.process(request.execId), socket);
      return undefined;
  }
}

function startExec(
  { container, execs }: Supervisor,
  { execId, claim, stdio }: Extract<Request, { op: "exec" }>,
): Promise<SupervisedProcess> {
  if (container.record === undefined) throw new CtrError("FailedPrecondition", "exec before creation");
  if (container.end !== undefined) throw new CtrError("Unknown", "cannot exec in a stopped state");
  return execs.start(execId, claim, container.record.runc, stdio);
}

async function wait(
  { container, execs }: Supervisor,
  execId: string | undefined,
  isDeletionWanted: () => boolean,
): Promise<WireExit> {
  if (execId !== undefined) {
    const end = await execs.wait(execId);
    return isDeletionWanted() ? execs.delete(execId) : toWireExit(end);
  }
  const end = await container.wait();
  if (isDeletionWanted() || container.isRemoved) await container.remove();
  return toWireExit(end);
}

async function remove({ container }: Supervisor): Promise<WireExit> {
  if (!container.isEnding) {
    throw new CtrError("FailedPrecondition", "task must be stopped before deletion: running");
  }
  const end = await container.wait();
  await container.remove();
  return toWireExit(end);
}

async function withdraw({ container, during }: Supervisor, isWanted: () => boolean): Promise<WireExit> {
  const end = await container.wait();
  if (isWanted()) {
    await container.withdraw();
    // Should it fail, its litter is found by the next task of that name, or by the collector.
    void during(() => container.remove()).catch(() => {});
  }
  return toWireExit(end);
}

/** After the bundle: whoever takes the name does not wait for them. */
async function removeTrees({ container }: Supervisor, paths: readonly string[]): Promise<void> {
  if (container.isRemoved) await container.remove().catch(() => {});
  const { removeTree } = await import("../../files/remove-tree.ts");
  for (const path of paths) removeTree(path);
}

async function sendMaster({ masterFd }: SupervisedProcess, socket: LineSocket): Promise<void> {
  if (masterFd === undefined) throw new CtrError("FailedPrecondition", "console without a terminal");
  const { sendMessage } = await import("../../sys/sockets.ts");
  sendMessage(socket.fd, new Uint8Array([0]), [masterFd]);
}
