/**
 * The supervisor of one task: starts its processes, knows how they end, holds what would be lost with the client
 * (terminals, ends of FIFOs). It ends itself as soon as all it knows is on disk.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import {
  type Bundle,
  type ExecRecord,
  execDir,
  readExecRecord,
  readExit,
  readTaskRecord,
  type TaskRecord,
  writeRecord,
} from "../bundle.ts";
import { execStillRuns, removeExec } from "../remove-exec.ts";
import { abandonTask, removeTask } from "../remove-task.ts";
import { callRunc } from "../runc.ts";
import { type SupervisedProcess, startProcess } from "./processes.ts";
import type { StdioPlan, WireExit } from "./protocol.ts";
import { toWireExit } from "./protocol.ts";
import { createReaper, type End } from "./reaper.ts";

export interface Supervisor {
  /** A failure leaves nothing of the task, and ends this process. */
  create(start: boolean, stdio: StdioPlan): Promise<{ pid: number }>;
  /** Removes what a client prepared that will not create anything any more. */
  abandon(): Promise<void>;
  start(): Promise<void>;
  exec(execId: string, stdio: StdioPlan): Promise<{ pid: number }>;
  /** Throws NotFound for an unknown exec. */
  process(execId?: string): SupervisedProcess;
  /** Until the end of the process; with `isWanted` (asked then) it is removed first. */
  wait(execId: string | undefined, isDeletionWanted: () => boolean): Promise<WireExit>;
  deleteExec(execId: string): WireExit;
  delete(): Promise<WireExit>;
  /** Whether nothing was ever created. */
  isIdle(): boolean;
  /** For whoever sends SIGUSR1. */
  describe(): object;
}

/** `leave` ends this process. The working directory is the bundle. */
export function createSupervisor(bundle: Bundle, leave: () => void): Supervisor {
  const calls = new Set<number>();
  const execs = new Map<string, Promise<SupervisedProcess>>();
  const running = new Map<string, SupervisedProcess>();
  let record: TaskRecord | undefined;
  let init: SupervisedProcess | undefined;
  let end: End | undefined;
  let removal: Promise<void> | undefined;
  /** Waiters get their answers before we leave. */
  let waiterCount = 0;

  const reaper = createReaper(() => {
    // While the runtime is at work, an orphan may be the process whose number it has yet to tell.
    if (calls.size === 0 && record?.hasPidNamespace === false) reaper.reapStrangers(calls);
  });

  const task = (): TaskRecord => {
    if (record === undefined) throw new CtrError("FailedPrecondition", `task ${bundle.id} is not created`);
    return record;
  };
  const remove = (): Promise<void> => {
    removal ??= removeTask(bundle, task()).then(() => init?.close());
    return removal;
  };
  const leaveIfDone = () => {
    if (end === undefined || waiterCount > 0 || running.size > 0) return;
    if (removal === undefined && (task().output === "fifo" || task().terminal)) return;
    leave();
  };

  const onInitEnded = async (initEnd: End) => {
    // Processes of a shared pid namespace do not end with the first.
    if (!task().hasPidNamespace)
      await callRunc(task().runc, ["kill", "--all", bundle.id, "KILL"]).catch(() => {});
    end = initEnd;
    queueMicrotask(leaveIfDone);
    return initEnd;
  };
  let initEnded: Promise<End> | undefined;

  return {
    async create(start, stdio) {
      try {
        return await createInit(start, stdio);
      } catch (error) {
        await this.abandon();
        // After the answer is on its way.
        setTimeout(leave, 0);
        throw error;
      }
    },

    async abandon() {
      await abandonTask(bundle, record);
    },

    async start() {
      if (init === undefined) throw new CtrError("FailedPrecondition", `task ${bundle.id} is not created`);
      await callRunc(task().runc, ["start", bundle.id], "OCI runtime start failed");
      const { pid, startTicks } = init;
      if (removal === undefined) writeRecord("init.json", { pid, startTicks, started: true });
    },

    async exec(execId, stdio) {
      if (execs.has(execId)) throw new CtrError("AlreadyExists", `id ${execId}`);
      if (end !== undefined) throw new CtrError("Unknown", "cannot exec in a stopped state");
      const starting = startExec(execId, stdio);
      execs.set(execId, starting);
      try {
        const { pid } = await starting;
        return { pid };
      } catch (error) {
        execs.delete(execId);
        rmSync(execDir(bundle, execId), { recursive: true, force: true });
        throw error;
      }
    },

    process(execId) {
      const found = execId === undefined ? init : running.get(execId);
      if (found !== undefined) return found;
      throw new CtrError("NotFound", `process ${execId ?? bundle.id}`);
    },

    async wait(execId, isDeletionWanted) {
      waiterCount++;
      try {
        if (execId === undefined) {
          if (initEnded === undefined)
            throw new CtrError("FailedPrecondition", `task ${bundle.id} is not created`);
          const initEnd = await initEnded;
          if (isDeletionWanted() || removal) await remove();
          return toWireExit(initEnd);
        }
        const exec = execs.get(execId);
        if (exec === undefined) throw new CtrError("NotFound", `process ${execId}`);
        const execEnd = await (await exec).ended;
        if (isDeletionWanted()) this.deleteExec(execId);
        return toWireExit(execEnd);
      } finally {
        waiterCount--;
        // After the answer is on its way.
        setTimeout(leaveIfDone, 0);
      }
    },

    deleteExec(execId) {
      const exit = readExit(bundle, execId);
      if (!execs.has(execId)) throw new CtrError("NotFound", `process ${execId}`);
      if (exit === undefined) throw execStillRuns();
      execs.delete(execId);
      removeExec(bundle, execId, readExecRecord(bundle, execId)!);
      return toWireExit(exit);
    },

    async delete() {
      if (initEnded === undefined || end === undefined) {
        throw new CtrError("FailedPrecondition", "task must be stopped before deletion: running");
      }
      const initEnd = await initEnded;
      waiterCount++;
      try {
        await remove();
      } finally {
        waiterCount--;
        setTimeout(leaveIfDone, 0);
      }
      return toWireExit(initEnd);
    },

    isIdle: () => record === undefined,

    describe: () => ({
      id: bundle.id,
      init: init && { pid: init.pid, end, masterFd: init.masterFd },
      execs: [...execs.keys()].map((execId) => ({ execId, pid: running.get(execId)?.pid })),
      calls: [...calls],
      waiterCount,
      isRemoving: removal !== undefined,
    }),
  };

  async function startExec(execId: string, stdio: StdioPlan): Promise<SupervisedProcess> {
    const directory = join("execs", execId);
    const exec = readExecRecord(bundle, execId);
    if (exec === undefined) throw new CtrError("NotFound", `exec ${execId}`);
    const started = await startProcess(
      {
        runc: task().runc,
        directory,
        terminal: exec.terminal,
        stdio,
        failure: "OCI runtime exec failed",
        command: (options) => [
          "exec",
          "--detach",
          "--process",
          join(directory, "process.json"),
          ...options,
          bundle.id,
        ],
      },
      reaper,
      calls,
    );
    const { pid, startTicks } = started;
    writeRecord(join(directory, "exec.json"), { ...exec, pid, startTicks } satisfies ExecRecord);
    running.set(execId, started);
    void started.ended.then(() => {
      running.delete(execId);
      started.close();
      leaveIfDone();
    });
    return started;
  }

  async function createInit(start: boolean, stdio: StdioPlan): Promise<{ pid: number }> {
    record = readTaskRecord(bundle);
    const { runc, terminal, noPivot, checkpointDir } = task();
    const verb = checkpointDir ? ["restore", "--image-path", checkpointDir] : [start ? "run" : "create"];
    init = await startProcess(
      {
        runc,
        directory: ".",
        terminal,
        stdio,
        failure: "OCI runtime create failed",
        command: (options) => [
          ...verb,
          ...(verb[0] === "create" ? [] : ["--detach"]),
          "--bundle",
          bundle.path,
          ...options,
          ...(noPivot ? ["--no-pivot"] : []),
          bundle.id,
        ],
      },
      reaper,
      calls,
    );
    const { pid, startTicks } = init;
    writeRecord("init.json", { pid, startTicks, started: verb[0] !== "create" });
    initEnded = init.ended.then(onInitEnded);
    return { pid };
  }
}
