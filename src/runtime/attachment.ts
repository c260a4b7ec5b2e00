import { closeSync, existsSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Attachment, CallerStreams, Exit } from "../core/task.ts";
import { writeNow } from "../sys/descriptors.ts";
import { type HeldSignals, holdSignals } from "../sys/held-signals.ts";
import { signalProcess } from "../sys/process.ts";
import { connectUnix, receiveMessage } from "../sys/sockets.ts";
import { type Bundle, socketPath } from "./bundle.ts";
import { type Connection, SupervisorGone } from "./connection.ts";
import type { ProcessIdentity } from "./records.ts";
import type { Join } from "./stdio/join-fifos.ts";
import { type FifoPaths, joinFifos } from "./stdio/join-fifos.ts";
import { callersTerminal, joinTerminal } from "./stdio/join-terminal.ts";
import { fifoPath, STREAM_NAMES } from "./stdio/plan.ts";
import { fromWireError, fromWireExit, type Reply, type Request } from "./supervisor/protocol.ts";

/** Which process of which task, and where its FIFOs are. */
export interface AttachedProcess {
  bundle: Bundle;
  execId?: string;
  terminal: boolean;
  fifoDir: string;
  streams: CallerStreams;
}

/** The streams of a process without terminal; before it is created, so that no FIFO has gone by then. */
export function openFifoJoin({ bundle, execId, fifoDir, streams }: AttachedProcess): Join {
  const paths: FifoPaths = {};
  for (const name of STREAM_NAMES) {
    const path = fifoPath(fifoDir, execId ?? bundle.id, name);
    if (existsSync(path)) paths[name] = path;
  }
  return joinFifos(paths, streams);
}

/** The terminal of a process that runs. */
export function openTerminalJoin({ bundle, execId, streams }: AttachedProcess): Join {
  return joinTerminal(callersTerminal(streams), takeMaster(bundle, execId));
}

/**
 * Moves bytes and forwards signals until the process has ended and is deleted. `afterSupervisor` finishes that when
 * the supervisor was killed meanwhile.
 */
export function follow(
  process: AttachedProcess & { identity: ProcessIdentity },
  { join, connection, ended = waitThenDelete(connection, process.execId), signals = holdSignals() }: Followed,
  afterSupervisor: () => Promise<Exit>,
): Attachment {
  const { execId, identity, terminal } = process;
  join.begin({ closeStdin: () => connection.ask({ op: "closeStdin", execId }) });
  const send = (signal: number) => void signalProcess(identity.pid, identity.startTicks, signal);
  signals.passTo(send);
  // From here on its own terminal tells it what is typed.
  if (terminal) signals[Symbol.dispose]();
  const follow = async () => {
    try {
      const exit = await Promise.race([ended.catch(unlessGone(afterSupervisor)), join.failed]);
      await join.drained();
      return exit;
    } finally {
      signals[Symbol.dispose]();
      join.close();
      connection[Symbol.dispose]();
    }
  };
  return { pid: identity.pid, ended: follow() };
}

export interface Followed {
  join: Join;
  connection: Connection;
  /** If it has been asked for already. */
  ended?: Promise<Exit>;
  /** Those that came while the process was being started. */
  signals?: HeldSignals;
}

/** The end of the process, which is removed by then. */
export async function waitThenDelete(connection: Connection, execId?: string): Promise<Exit> {
  return fromWireExit(await connection.ask({ op: "wait", execId, thenDelete: true }));
}

/**
 * The end of the first process; what `remove` removes is gone by then, and the task withdrawn: the supervisor sees to
 * the rest, and to the trees that `remove` answers, while the caller goes on.
 */
export async function waitThenDeleteBeside(
  connection: Connection,
  remove: () => Promise<readonly string[]>,
): Promise<Exit> {
  const ended = connection.ask({ op: "wait" });
  const withdrawn = connection.ask({ op: "withdraw" });
  withdrawn.catch(() => {});
  const exit = fromWireExit(await ended);
  const [withdrawal, removal] = await Promise.allSettled([withdrawn, remove()]);
  if (withdrawal.status === "rejected") throw withdrawal.reason;
  if (removal.status === "rejected") throw removal.reason;
  // Should it be killed before that, the collector finds the trees.
  connection.ask({ op: "leave", trees: removal.value }).catch(() => {});
  return exit;
}

function unlessGone(afterSupervisor: () => Promise<Exit>): (error: unknown) => Promise<Exit> {
  return (error) => {
    if (error instanceof SupervisorGone) return afterSupervisor();
    throw error;
  };
}

const LINE_BYTES_MAX = 4096;

/** Only a raw socket can receive a descriptor; the supervisor answers at once. */
function takeMaster(bundle: Bundle, execId: string | undefined): number {
  const socketFd = connectUnix(socketPath(bundle));
  try {
    const request: Request & { n: number } = { n: 0, op: "console", execId };
    writeNow(socketFd, Buffer.from(`${JSON.stringify(request)}\n`));
    const { bytes, fds } = receiveMessage(socketFd, LINE_BYTES_MAX)!;
    if (fds[0] !== undefined) return fds[0];
    if (bytes.length === 0) throw new CtrError("Unavailable", "supervisor");
    const reply = JSON.parse(Buffer.from(bytes).toString()) as Reply;
    throw fromWireError((reply as Extract<Reply, { error: unknown }>).error);
  } finally {
    closeSync(socketFd);
  }
}
