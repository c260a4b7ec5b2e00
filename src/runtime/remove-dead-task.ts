/** Removal of what a supervisor that was killed could not remove itself. The caller holds the bundle's lock. */
import { rmdirSync } from "node:fs";
import { endProcesses } from "../sys/end-processes.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import type { Bundle } from "./bundle.ts";
import { childrenOf } from "./cgroup.ts";
import { abandonTask } from "./remove-task.ts";
import type { Runc } from "./runc.ts";
import { salvageTask } from "./salvage.ts";
import { readSpecCgroups } from "./spec-cgroups.ts";

/**
 * Ends and removes whatever is left of a task: runtime calls still at work, processes, runtime state, mounts,
 * cgroups, files, and the directory. For a bundle that maybe holds nothing at all, or is gone.
 */
export async function removeDeadTask(bundle: Bundle): Promise<void> {
  // For a runtime that was killed before it wrote its state; otherwise it removes them itself.
  const cgroups = readSpecCgroups(bundle);
  const remains = salvageTask(bundle);
  if (remains !== undefined) await killRuntimeCalls(remains.runc, bundle.id);
  await abandonTask(bundle, remains);
  for (const cgroup of cgroups.values()) removeCgroup(cgroup);
}

/** A runtime call outlives the supervisor that made it, and would go on to make what we are about to remove. */
const killRuntimeCalls = ({ root }: Runc, id: string): Promise<void> =>
  endProcesses("cmdline", (words) => words.at(-2) === id && words[words.indexOf("--root") + 1] === root);

/** Unless somebody else's processes are in it. */
function removeCgroup(directory: string): void {
  for (const child of childrenOf(directory)) removeCgroup(child);
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!hasErrno(error, "ENOENT", "ENOTDIR", "EBUSY")) throw asSysError(error);
  }
}
