/** Removal of what a supervisor that was killed could not remove itself. The caller holds the bundle's lock. */
import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { readProcessStat, signalProcess } from "../sys/process.ts";
import { type Bundle, readTaskRecord } from "./bundle.ts";
import { childrenOf } from "./cgroup.ts";
import { abandonTask } from "./remove-task.ts";
import type { Runc } from "./runc.ts";
import { readSpecCgroups } from "./spec-cgroups.ts";

const SIGKILL = 9;
const GONE_TIMEOUT_MS = 10_000;
const LOOK_MS = 5;

/**
 * Ends and removes whatever is left of a task: runtime calls still at work, processes, runtime state, mounts,
 * cgroups, files, and the directory. For a bundle that maybe holds nothing at all, or is gone.
 */
export async function removeDeadTask(bundle: Bundle): Promise<void> {
  // For a runtime that was killed before it wrote its state; otherwise it removes them itself.
  const cgroups = readSpecCgroups(bundle);
  const record = readTaskRecord(bundle);
  if (record !== undefined) await killRuntimeCalls(record.runc, bundle.id);
  await abandonTask(bundle, record);
  for (const cgroup of cgroups.values()) removeCgroup(cgroup);
}

/** A runtime call outlives the supervisor that made it, and would go on to make what we are about to remove. */
async function killRuntimeCalls(runc: Runc, id: string): Promise<void> {
  const deadline = performance.now() + GONE_TIMEOUT_MS;
  for (let pids = runtimeCalls(runc, id); pids.length > 0; pids = runtimeCalls(runc, id)) {
    if (performance.now() > deadline) throw new CtrError("DeadlineExceeded", `end of ${pids.join(", ")}`);
    for (const pid of pids) {
      const stat = readProcessStat(pid);
      // Looked at again after its start time was read: the number may have gone to another process before.
      if (stat && isRuntimeCall(`${pid}`, runc, id)) signalProcess(pid, stat.startTicks, SIGKILL);
    }
    await Bun.sleep(LOOK_MS);
  }
}

function runtimeCalls(runc: Runc, id: string): number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.filter((pid) => isRuntimeCall(pid, runc, id)).map(Number);
}

function isRuntimeCall(pid: string, { root }: Runc, id: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.at(-2) === id && words[words.indexOf("--root") + 1] === root;
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

/** Unless somebody else's processes are in it. */
function removeCgroup(directory: string): void {
  for (const child of childrenOf(directory)) removeCgroup(child);
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!hasErrno(error, "ENOENT", "ENOTDIR", "EBUSY")) throw asSysError(error);
  }
}
