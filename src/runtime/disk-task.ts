import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import type { Task } from "../core/task.ts";
import { attachTask } from "./attach-task.ts";
import { type Bundle, ifReadable, readInitRecord, readTaskRecord, writeRecord } from "./bundle.ts";
import { SupervisorGone } from "./connection.ts";
import { deleteExec, deleteTask } from "./delete-task.ts";
import { startExec } from "./exec-process.ts";
import { killTask } from "./kill-task.ts";
import { listExecs, listProcesses } from "./list-processes.ts";
import { pauseTask, resumeTask } from "./pause-task.ts";
import { readTaskLog } from "./read-task-log.ts";
import { callRunc } from "./runc.ts";
import { askSupervisor } from "./supervisor-call.ts";
import type { TaskContext } from "./task-context.ts";
import { requireStatus, taskExit, taskStatus } from "./task-status.ts";
import { waitForProcess } from "./wait-for-process.ts";

/** A task by what its bundle, the kernel and, where it is needed, its supervisor say. */
export function createDiskTask(context: TaskContext, bundle: Bundle): Task {
  const { id } = bundle;
  const record = () => {
    const found = readTaskRecord(bundle);
    if (found === undefined) throw new CtrError("NotFound", `task ${id}`);
    return found;
  };
  return {
    id,
    logPath: context.logPath(id),
    pid: async () => ifReadable(() => readInitRecord(bundle))?.pid ?? 0,
    status: async () => taskStatus(bundle),
    exit: async () => (taskStatus(bundle) === "stopped" ? taskExit(bundle) : undefined),
    start: () => start(bundle),
    wait: (execId) => waitForProcess(bundle, execId),
    kill: (signal, options) => killTask(bundle, signal, options),
    delete: (options) => deleteTask(bundle, options),
    deleteExec: (execId) => deleteExec(bundle, execId),
    exec: ((request) => startExec(context, bundle, request)) as Task["exec"],
    execs: async () => listExecs(bundle),
    attach: (streams) => attachTask(bundle, record(), streams),
    readLog: (options) => readTaskLog(bundle, record(), options),
    processes: async () => listProcesses(bundle),
    async metrics() {
      record();
      const { readTaskMetrics } = await import("./metrics/read-metrics.ts");
      return readTaskMetrics(bundle);
    },
    pause: () => pauseTask(bundle),
    resume: () => resumeTask(bundle),
    async resize(columns, rows, execId) {
      await askSupervisor(bundle, { op: "resize", columns, rows, execId });
    },
    async closeStdin(execId) {
      await askSupervisor(bundle, { op: "closeStdin", execId });
    },
    async checkpoint(options) {
      const { checkpointTask } = await import("./checkpoint-task.ts");
      await checkpointTask(bundle, record(), options);
    },
    async pausedDuring(work) {
      const { pausedDuring } = await import("./paused-during.ts");
      return pausedDuring(bundle, work);
    },
  };

  async function start(bundle: Bundle): Promise<void> {
    const status = requireStatus(bundle);
    if (status !== "created") throw new CtrError("FailedPrecondition", `cannot start a ${status} process`);
    try {
      await askSupervisor(bundle, { op: "start" });
    } catch (error) {
      if (!(error instanceof SupervisorGone)) throw error;
      await callRunc(record().runc, ["start", id], "OCI runtime start failed");
      const init = readInitRecord(bundle);
      writeRecord(join(bundle.path, "init.json"), { ...init, started: true });
      bundle.publish("/tasks/start", { container_id: id, pid: init?.pid ?? 0 });
    }
  }
}
