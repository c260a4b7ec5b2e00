import { closeSync } from "node:fs";
import { constants } from "node:os";
import { CtrError, ifPresent } from "../core/errors.ts";
import type { Exit } from "../core/task.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import {
  type Bundle,
  ifReadable,
  isCreated,
  readExecRecord,
  readExit,
  readTaskRecord,
  UNSEEN,
} from "./bundle.ts";
import { waitForBundle } from "./bundle-lock.ts";
import { SupervisorGone } from "./connection.ts";
import { killTask } from "./kill-task.ts";
import { removeDeadTask } from "./remove-dead-task.ts";
import { execStillRuns, removeExec } from "./remove-exec.ts";
import { removeTask } from "./remove-task.ts";
import { callRunc } from "./runc.ts";
import { salvageExec, salvageTask } from "./salvage.ts";
import { fromWireExit } from "./supervisor/protocol.ts";
import { askSupervisor } from "./supervisor-call.ts";
import { requireStatus, taskExit, taskStatus } from "./task-status.ts";
import { waitForProcess } from "./wait-for-process.ts";

/** As `Task.delete`. */
export async function deleteTask(bundle: Bundle, { force = false } = {}): Promise<Exit> {
  const status = force ? taskStatus(bundle) : requireStatus(bundle);
  if (status === "unknown" && isCreated(bundle)) return endAndDelete(bundle);
  if (status === "stopped" || status === "unknown") return deleteStopped(bundle);
  if (!force) {
    throw new CtrError("FailedPrecondition", `task must be stopped before deletion: ${status}`, {
      hint: "--force ends it first",
    });
  }
  const exit = await killAndWait(bundle);
  // Whoever waited for its end may have deleted it.
  return (await ifPresent(() => deleteStopped(bundle))) ?? exit;
}

async function deleteStopped(bundle: Bundle): Promise<Exit> {
  try {
    return fromWireExit(await askSupervisor(bundle, { op: "delete" }));
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  return deleteUnsupervised(bundle);
}

/** Whatever its first process is doing, which only the runtime can tell, and the supervisor if it lives. */
async function endAndDelete(bundle: Bundle): Promise<Exit> {
  try {
    const remains = salvageTask(bundle);
    // It may have ended by itself, or not be where the runtime is told to look.
    const isKilled =
      remains &&
      (await succeeds(callRunc(remains.runc, ["kill", bundle.id, `${constants.signals.SIGKILL}`])));
    const request = isKilled ? ({ op: "wait", thenDelete: true } as const) : ({ op: "delete" } as const);
    return fromWireExit(await askSupervisor(bundle, request));
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  return deleteUnsupervised(bundle);
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

async function killAndWait(bundle: Bundle): Promise<Exit> {
  // Asked for first: whoever else waits may delete the task at its end.
  const exit = waitForProcess(bundle);
  exit.catch(() => {});
  // It may have ended by itself meanwhile.
  await ifPresent(() => killTask(bundle, constants.signals.SIGKILL));
  return exit;
}

/** The supervisor has left, all being on disk, or was killed. */
async function deleteUnsupervised(bundle: Bundle): Promise<Exit> {
  const lockFd = await waitForBundle(bundle);
  try {
    const status = taskStatus(bundle);
    const exit = taskExit(bundle);
    const record = ifReadable(() => readTaskRecord(bundle));
    if (status === "unknown" || exit.at === undefined || record === undefined) await removeDeadTask(bundle);
    else await removeTask(bundle, record);
    return exit;
  } finally {
    closeSync(lockFd);
  }
}

/** As `Task.deleteExec`. */
export async function deleteExec(bundle: Bundle, execId: string): Promise<Exit> {
  const remains = salvageExec(bundle, execId);
  if (remains === undefined) throw new CtrError("NotFound", `process does not exist ${execId}`);
  try {
    return fromWireExit(await askSupervisor(bundle, { op: "deleteExec", execId }));
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  const record = ifReadable(() => readExecRecord(bundle, execId));
  if (record && isSameProcessAlive(record.pid, record.startTicks)) throw execStillRuns();
  const exit = readExit(bundle, execId) ?? UNSEEN;
  removeExec(bundle, execId, remains);
  return exit;
}
