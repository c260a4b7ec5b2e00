import { CtrError } from "../../core/errors.ts";
import { openPath, setNonblocking } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { closeFd, O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../sys/open.ts";
import { isSameProcessAlive } from "../../sys/process.ts";
import { isFifo, statFd } from "../../sys/stat.ts";
import { type Logger, startLogger } from "./logger.ts";
import type { StdioPlan, StreamSource } from "./protocol.ts";

export interface ContainerStdio {
  /** What becomes the process' 0, 1 and 2. Closed by `started`. */
  readonly fds: readonly [number, number, number];
  readonly loggerPid: number | undefined;
  /**
   * For the moment when the runtime is on its way. Closes our copies of the process' ends: as long as we have them,
   * nobody else sees an end of file.
   */
  started(): Promise<void>;
  /** EOF for the process, once all that other writers wrote is read. */
  closeStdin(): void;
  /** Lets go of everything. */
  close(): void;
}

/**
 * Opens the process' ends. Of a FIFO we keep the other end too: a writer of stdin, so that the end of a client is no
 * end of file and another can follow, and readers of stdout and stderr, so that a dead client is no SIGPIPE.
 */
export async function openStdio(plan: StdioPlan): Promise<ContainerStdio> {
  const given: number[] = [];
  const held: number[] = [];
  let logger: Logger | undefined;
  let stdinWriter: number | undefined;
  let logWatch: Disposable | undefined;
  const release = (fds: number[]) => {
    for (const fd of fds.splice(0)) closeFd(fd);
  };
  const closeStdin = () => {
    if (stdinWriter !== undefined) closeFd(stdinWriter);
    stdinWriter = undefined;
  };
  try {
    logger = plan.logger && (await startLogger(plan.logger));
    const stdin = openStdin(plan.stdin);
    given.push(stdin.fd);
    stdinWriter = stdin.writerFd;
    for (const name of ["stdout", "stderr"] as const) {
      const source = plan[name];
      if (source.kind === "fifo") held.push(openPath(source.path, O_RDONLY | O_NONBLOCK));
      given.push(source.kind === "logger" ? logger![name] : openOutput(source));
    }
  } catch (error) {
    release([...given, ...held]);
    closeStdin();
    throw error;
  }
  return {
    fds: [given[0]!, given[1]!, given[2]!],
    loggerPid: logger?.pid,
    async started() {
      release(given);
      logWatch = await watchLogOf(plan);
    },
    closeStdin,
    close() {
      release(given);
      release(held);
      closeStdin();
      logWatch?.[Symbol.dispose]();
    },
  };
}

/** Of a log of ours; a file that the user named is theirs to look after. Loaded by those who need it. */
async function watchLogOf({ stdout }: StdioPlan): Promise<Disposable | undefined> {
  if (stdout.kind !== "append" || !stdout.isBounded) return undefined;
  const { watchLog } = await import("./watch-log.ts");
  try {
    return watchLog(stdout.path, stdout.timesPath);
  } catch {
    // A process whose log cannot be watched runs all the same.
    return undefined;
  }
}

function openStdin(source: StreamSource): { fd: number; writerFd?: number } {
  switch (source.kind) {
    case "fifo": {
      const fd = openPath(source.path, O_RDONLY | O_NONBLOCK);
      const writerFd = openPath(source.path, O_WRONLY | O_NONBLOCK);
      setNonblocking(fd, false);
      return { fd, writerFd };
    }
    case "caller":
      return { fd: openCallersPipe(source.process, source.fd, O_RDONLY) };
    default:
      return { fd: openPath("/dev/null", O_RDONLY) };
  }
}

function openOutput(source: StreamSource): number {
  switch (source.kind) {
    case "fifo":
      return openPath(source.path, O_WRONLY);
    case "append":
      return openPath(source.path, O_WRONLY | O_APPEND | O_CREAT, source.mode);
    case "caller":
      return openCallersPipe(source.process, source.fd, O_WRONLY);
    default:
      return openPath("/dev/null", O_RDWR);
  }
}

/**
 * The calling process' pipe, opened anew: flags such as O_NONBLOCK that the container sets stay its own. Only ever a
 * pipe: a terminal, file or directory of the host's must not get into a container.
 */
function openCallersPipe(caller: { pid: number; startTicks: number }, fd: number, flags: number): number {
  const pipeFd = openPipeEnd(`/proc/${caller.pid}/fd/${fd}`, flags);
  // The number was the caller's before and after, so what we opened is the caller's.
  if (isFifo(statFd(pipeFd)) && isSameProcessAlive(caller.pid, caller.startTicks)) {
    setNonblocking(pipeFd, false);
    return pipeFd;
  }
  closeFd(pipeFd);
  throw new CtrError(
    "FailedPrecondition",
    `descriptor ${fd} of process ${caller.pid} is no pipe of the caller`,
  );
}

/** Does not wait for the other end, which may be gone for good: then the process shall meet EOF or SIGPIPE. */
function openPipeEnd(path: string, flags: number): number {
  try {
    return openPath(path, flags | O_NONBLOCK);
  } catch (error) {
    if (flags !== O_WRONLY || !hasErrno(error, "ENXIO")) throw error;
  }
  const readerFd = openPath(path, O_RDONLY | O_NONBLOCK);
  try {
    return openPath(path, O_WRONLY | O_NONBLOCK);
  } finally {
    closeFd(readerFd);
  }
}
