import { constants } from "node:os";
import { CtrError } from "../core/errors.ts";
import { signalProcess } from "../sys/process.ts";
import { type Bundle, readExecRecord, readInitRecord } from "./bundle.ts";
import type { ProcessIdentity } from "./records.ts";
import { callRunc, type Runc } from "./runc.ts";
import { salvageTask } from "./salvage.ts";
import { taskStatus } from "./task-status.ts";

/**
 * Signals the first process, an exec, or all processes. The runtime is asked where it knows more than kill(2): it
 * thaws a paused container for SIGKILL, which a frozen process of cgroup v1 never meets.
 */
export async function killTask(
  bundle: Bundle,
  signal: number,
  { all = false, execId }: { all?: boolean; execId?: string } = {},
): Promise<void> {
  if (execId !== undefined) return killExec(bundle, execId, signal);
  const init = readInitRecord(bundle);
  const remains = salvageTask(bundle);
  const status = taskStatus(bundle);
  if (init === undefined || remains === undefined || status === "stopped") throw alreadyFinished();
  const isThawed = status === "running" || status === "created";
  if (all) await callRunc(remains.runc, ["kill", "--all", bundle.id, `${signal}`]);
  else if (!isThawed && signal === constants.signals.SIGKILL)
    await callRunc(remains.runc, ["kill", bundle.id, `${signal}`]);
  else signalOrThrow(init, signal);
  if (!isThawed && signal === constants.signals.SIGKILL) await thaw(bundle, remains.runc);
}

/** runc did it with the kill; crun leaves the container standing. */
async function thaw(bundle: Bundle, runc: Runc): Promise<void> {
  if (!isFrozen(bundle)) return;
  try {
    await callRunc(runc, ["resume", bundle.id]);
  } catch (error) {
    // It has ended meanwhile.
    if (isFrozen(bundle)) throw error;
  }
}

function isFrozen(bundle: Bundle): boolean {
  const status = taskStatus(bundle);
  return status === "paused" || status === "pausing";
}

function killExec(bundle: Bundle, execId: string, signal: number): void {
  const exec = readExecRecord(bundle, execId);
  if (exec === undefined) throw new CtrError("NotFound", `process does not exist ${execId}`);
  signalOrThrow(exec, signal);
}

function signalOrThrow({ pid, startTicks }: ProcessIdentity, signal: number): void {
  if (pid === 0 || !signalProcess(pid, startTicks, signal)) throw alreadyFinished();
}

function alreadyFinished(): CtrError {
  return new CtrError("NotFound", "process already finished");
}
