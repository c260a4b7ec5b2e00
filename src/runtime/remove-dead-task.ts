/** Removal of what a supervisor that was killed could not remove itself. The caller holds the bundle's lock. */
import { rmdirSync } from "node:fs";
import { endProcesses } from "../sys/end-processes.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { isConfigAwaited } from "./awaited-config.ts";
import type { Bundle } from "./bundle.ts";
import { childrenOf } from "./cgroup.ts";
import { abandonTask } from "./remove-task.ts";
import { salvageTask, type TaskRemains } from "./salvage.ts";
import { readSpecCgroups } from "./spec-cgroups.ts";

/**
 * Ends and removes whatever is left of a task: runtime calls still at work, processes, runtime state, mounts,
 * cgroups, files, and the directory. For a bundle that maybe holds nothing at all, or is gone.
 */
export async function removeDeadTask(bundle: Bundle): Promise<void> {
  // For a runtime that was killed before it wrote its state; otherwise it removes them itself.
  const cgroups = readSpecCgroups(bundle);
  const remains = salvageTask(bundle);
  if (remains !== undefined || isConfigAwaited(bundle)) await killRuntimeCalls(bundle, remains);
  await abandonTask(bundle, remains);
  for (const cgroup of cgroups.values()) removeCgroup(cgroup);
}

/** A runtime call outlives the supervisor that made it, and would go on to make what we are about to remove. */
function killRuntimeCalls({ id, path }: Bundle, remains: TaskRemains | undefined): Promise<void> {
  const has = (words: readonly string[], option: string, value: string | undefined) =>
    value !== undefined && words[words.indexOf(option) + 1] === value;
  return endProcesses(
    "cmdline",
    (words) =>
      words.at(-2) === id && (has(words, "--root", remains?.runc.root) || has(words, "--bundle", path)),
  );
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
