import { CtrError } from "../../core/errors.ts";
import { closeFd } from "../../sys/open.ts";
import { readProcessStat } from "../../sys/process.ts";
import { readSmallFile } from "../../sys/small-file.ts";
import { type WindowSize, writeWindowSize } from "../../sys/terminal.ts";
import { writeRecord } from "../bundle.ts";
import type { ProcessIdentity } from "../records.ts";
import { failureFromLog, type Runc, runcCommand, runtimeEnvironment } from "../runc.ts";
import type { ConsoleSocket } from "./console.ts";
import { type ContainerStdio, openStdio } from "./open-stdio.ts";
import type { StdioPlan } from "./protocol.ts";
import type { End, Reaper } from "./reaper.ts";
import type { Starts } from "./starts.ts";

/** A process in the container that ends as our child. */
export interface SupervisedProcess extends ProcessIdentity {
  /** Its exit is on disk when this settles. */
  readonly ended: Promise<End>;
  readonly masterFd: number | undefined;
  closeStdin(): void;
  resize(size: WindowSize): void;
  /** Lets go of its streams. */
  close(): void;
}

export interface StartPlan {
  runc: Runc;
  /** Where its records go: the bundle, or the exec's directory; relative to the working directory. */
  directory: string;
  terminal: boolean;
  stdio: StdioPlan;
  /** The runtime's command, given its options for pid file and terminal. */
  command: (options: readonly string[]) => string[];
  /** Called when it is there, and its end, should that have come already, not yet seen. */
  onFound?: (pid: number) => void | Promise<void>;
  /** Kills the runtime's call. */
  signal?: AbortSignal;
  /** Begins the sentence when the runtime fails. */
  failure: string;
}

export interface StartContext {
  starts: Starts;
  reaper: Reaper;
  /** Children of Bun's, which it reaps, that outlive the call that started them. */
  childPids: Set<number>;
}

/**
 * Has the runtime start a process, detached, and takes over its end. Throws Unknown with the runtime's words; then
 * nothing of it is left.
 */
export function startProcess(plan: StartPlan, context: StartContext): Promise<SupervisedProcess> {
  // To the very end, when it is watched: until then it is an orphan like any other.
  return context.starts.during(start(plan, context));
}

async function start(plan: StartPlan, { reaper, childPids }: StartContext): Promise<SupervisedProcess> {
  const environment = runtimeEnvironment();
  const pidFile = `${plan.directory}/init.pid`;
  const logPath = `${plan.directory}/log.json`;
  const console = plan.terminal ? await openConsole(`${plan.directory}/console.sock`) : undefined;
  let stdio: ContainerStdio | undefined;
  try {
    stdio = plan.terminal ? undefined : await openStdio(plan.stdio);
    const options = ["--pid-file", pidFile, ...(console ? ["--console-socket", console.path] : [])];
    const command = runcCommand(plan.runc, logPath, plan.command(options));
    if (stdio?.loggerPid !== undefined) childPids.add(stdio.loggerPid);
    const status = await callDetaching(command, environment, stdio, plan.signal);
    if (status !== 0) throw failureFromLog(logPath, plan.failure);
    const pid = Number(readSmallFile(pidFile));
    const startTicks = readProcessStat(pid)?.startTicks ?? 0;
    await plan.onFound?.(pid);
    return takeOver({ pid, startTicks }, plan.directory, reaper, stdio, console?.receiveMaster());
  } catch (error) {
    stdio?.close();
    throw error;
  } finally {
    console?.close();
  }
}

/** Loaded by those who need it. */
async function openConsole(path: string): Promise<ConsoleSocket> {
  const { openConsoleSocket } = await import("./console.ts");
  return openConsoleSocket(path);
}

/** runc's own streams are the container's: a pipe for its errors would stay open until the container ends. */
async function callDetaching(
  command: string[],
  environment: Record<string, string>,
  stdio: ContainerStdio | undefined,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [stdin, stdout, stderr] = stdio?.fds ?? (["ignore", "ignore", "ignore"] as const);
  const call = Bun.spawn(command, { stdin, stdout, stderr, env: environment, signal, killSignal: "SIGKILL" });
  await stdio?.started();
  return call.exited;
}

function takeOver(
  identity: ProcessIdentity,
  directory: string,
  reaper: Reaper,
  stdio: ContainerStdio | undefined,
  masterFd: number | undefined,
): SupervisedProcess {
  let master = masterFd;
  const ended = reaper.watch(identity.pid).then((end) => {
    writeRecord(`${directory}/exit.json`, { status: end.status, at: end.at.toISOString() });
    return end;
  });
  return {
    ...identity,
    ended,
    get masterFd() {
      return master;
    },
    closeStdin: () => stdio?.closeStdin(),
    resize(size) {
      if (master === undefined) throw new CtrError("FailedPrecondition", "resize without a terminal");
      writeWindowSize(master, size);
    },
    close() {
      stdio?.close();
      if (master !== undefined) closeFd(master);
      master = undefined;
    },
  };
}
