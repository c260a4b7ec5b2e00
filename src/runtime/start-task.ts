/** Creating, starting and running: what `Tasks` offers beyond looking at what there is. */
import { CtrError } from "../core/errors.ts";
import type { Attachment, CreateTask, Exit, Prelaunch, RunTask, StartTask, Task } from "../core/task.ts";
import { type HeldSignals, holdSignals } from "../sys/held-signals.ts";
import {
  type AttachedProcess,
  follow,
  openFifoJoin,
  openTerminalJoin,
  waitThenDelete,
  waitThenDeleteBeside,
} from "./attachment.ts";
import { readInitRecord } from "./bundle.ts";
import { createDiskTask } from "./disk-task.ts";
import { type PreparedTask, prepareTask } from "./launch.ts";
import { writePidFile } from "./pid-file.ts";
import { CALLER_STREAMS } from "./stdio/plan.ts";
import type { TaskContext } from "./task-context.ts";

export async function createTask(
  context: TaskContext,
  id: string,
  requested: CreateTask | Promise<CreateTask>,
): Promise<Task> {
  const prepared = await prepareTask(context.bundle(id), requested, context.launch(id));
  using _ = prepared.connection;
  const pid = await prepared.create({ start: prepared.request.checkpointDir !== undefined });
  await orDelete(context, prepared, () => writePidFileOf(prepared, pid));
  return createDiskTask(context, prepared.bundle);
}

export async function startTask(
  context: TaskContext,
  id: string,
  requested: StartTask | Promise<StartTask>,
): Promise<Task> {
  const prepared = await prepareTask(context.bundle(id), requested, context.launch(id));
  using _ = prepared.connection;
  // What comes in between may take long, and is undone when it is interrupted.
  using signals = prepared.request.beforeStart && holdSignals();
  await createAndStart(context, prepared, signals);
  return createDiskTask(context, prepared.bundle);
}

export async function runTask(
  context: TaskContext,
  id: string,
  requested: RunTask | Promise<RunTask>,
  prelaunch?: Prelaunch,
): Promise<Attachment> {
  const signals = holdSignals();
  try {
    const request = requireAttached(requested);
    const interrupted = signals.interruption();
    const options = { prelaunch, interrupted };
    const prepared = await prepareTask(context.bundle(id), request, context.launch(id), options);
    return await runPrepared(context, prepared, signals);
  } catch (error) {
    signals[Symbol.dispose]();
    throw error;
  }
}

async function runPrepared(
  context: TaskContext,
  prepared: PreparedTask,
  signals: HeldSignals,
): Promise<Attachment> {
  const { bundle, connection, record, request, stdio } = prepared;
  const streams = (request.io.kind === "attached" ? request.io.streams : undefined) ?? CALLER_STREAMS;
  const process: AttachedProcess = { bundle, terminal: record.terminal, fifoDir: stdio.fifoDir, streams };
  const fifoJoin = record.terminal ? undefined : openFifoJoin(process);
  try {
    const { pid, ended } = await createAndFollow(context, prepared, signals);
    const join = fifoJoin ?? openTerminalJoin(process);
    const identity = { pid, startTicks: readInitRecord(bundle)?.startTicks ?? 0 };
    return follow(
      { ...process, identity },
      { join, connection, ended: ended ?? waitForEnd(prepared), signals },
      async () => {
        const task = createDiskTask(context, bundle);
        await task.wait();
        const exit = await task.delete();
        await removeBeside(request);
        return exit;
      },
    );
  } catch (error) {
    fifoJoin?.close();
    connection[Symbol.dispose]();
    throw error;
  }
}

/**
 * The end is asked for with the beginning, so that a task which ends at once is deleted at once. Not with a terminal:
 * we have to take that over before.
 */
async function createAndFollow(context: TaskContext, prepared: PreparedTask, signals: HeldSignals) {
  const created = createAndStart(context, prepared, signals);
  const ended = prepared.record.terminal ? undefined : waitForEnd(prepared);
  // Without a beginning, its failure is all that counts.
  ended?.catch(() => {});
  return { pid: await created, ended };
}

function waitForEnd({ connection, request }: PreparedTask): Promise<Exit> {
  const { besideRemoval } = request;
  return besideRemoval ? waitThenDeleteBeside(connection, besideRemoval) : waitThenDelete(connection);
}

/** In one call of the runtime, unless there is something to be done between the two. */
async function createAndStart(
  context: TaskContext,
  prepared: PreparedTask,
  signals?: HeldSignals,
): Promise<number> {
  const { beforeStart, pidFile, checkpointDir } = prepared.request;
  if (beforeStart === undefined && !pidFile) return prepared.create({ start: true });
  const furnish = async (pid: number) => {
    writePidFileOf(prepared, pid);
    await beforeStart?.(pid, signals?.interruption());
  };
  if (checkpointDir !== undefined) return orCleanUp(prepared, () => prepared.restore(furnish));
  const pid = await prepared.create({ start: false });
  await orDelete(context, prepared, async () => {
    await furnish(pid);
    await prepared.connection.ask({ op: "start" });
  });
  return pid;
}

function writePidFileOf({ request }: PreparedTask, pid: number): void {
  if (request.pidFile) writePidFile(request.pidFile, pid);
}

async function orDelete(
  context: TaskContext,
  prepared: PreparedTask,
  work: () => void | Promise<void>,
): Promise<void> {
  await orCleanUp(prepared, async () => {
    try {
      await work();
    } catch (error) {
      // Whoever waits for its end removes it as well, and may be first. What stays is listed; what went wrong counts.
      await createDiskTask(context, prepared.bundle)
        .delete({ force: true })
        .catch(() => {});
      throw error;
    }
  });
}

/** When the task has been removed again, the caller's part of it goes. */
async function orCleanUp<T>({ request }: PreparedTask, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await removeBeside(request).catch(() => {});
    throw error;
  }
}

/** Without a supervisor to leave anything to. */
async function removeBeside({ besideRemoval }: RunTask): Promise<void> {
  const paths = (await besideRemoval?.()) ?? [];
  if (paths.length === 0) return;
  const { removeTree } = await import("../files/remove-tree.ts");
  for (const path of paths) removeTree(path);
}

async function requireAttached(requested: RunTask | Promise<RunTask>): Promise<RunTask> {
  const request = await requested;
  if (request.io.kind === "attached") return request;
  throw new CtrError("InvalidArgument", `run with streams of kind ${request.io.kind}`);
}
