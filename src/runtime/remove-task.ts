import { hasErrno } from "../sys/errno.ts";
import { removeFile } from "../sys/small-file.ts";
import { unmount } from "../sys/unmount.ts";
import { type Bundle, ifReadable, readExit, readInitRecord } from "./bundle.ts";
import type { OutputPlaces, TaskRecord } from "./records.ts";
import { removeDirectory } from "./remove-directory.ts";
import { callRunc } from "./runc.ts";
import type { TaskRemains } from "./salvage.ts";

/**
 * Removes a task whose first process has ended. The caller holds the bundle's lock. Whoever is killed in the midst
 * leaves a task that is still listed, or litter, and both can be removed again: the record of the first process
 * goes when nothing but files is left.
 */
export async function removeTask(bundle: Bundle, record: TaskRecord): Promise<void> {
  const deleted = deleteFromRuntime(bundle, record);
  // Should unmounting fail, nobody awaits it any more.
  deleted.catch(() => {});
  // The mount has no part in what the runtime does now, unless a hook looks at it.
  if (record.hasPoststopHooks) await deleted;
  await unmountRootfs(bundle, record.mounts.length);
  await deleted;
  removeFiles(bundle, record);
}

export interface Withdrawal {
  /** Removes what is left of the task. */
  finish(): Promise<void>;
}

/**
 * The first part of a removal: when it answers, nothing is mounted and no task listed any more. Whoever wants its id
 * waits for the bundle's lock; if we are killed before the end, litter remains.
 */
export async function withdrawTask(bundle: Bundle, record: TaskRecord): Promise<Withdrawal> {
  unlist(bundle);
  if (record.hasPoststopHooks) await deleteFromRuntime(bundle, record);
  await unmountRootfs(bundle, record.mounts.length);
  return {
    async finish() {
      // Starting a program takes a millisecond, in which the caller's answer can be on its way.
      await new Promise(setImmediate);
      if (!record.hasPoststopHooks) await deleteFromRuntime(bundle, record);
      removeFiles(bundle, record);
    },
  };
}

/** From now on it is no task any more. Of all who get here, the one who takes it off the list tells of it. */
function unlist(bundle: Bundle): void {
  const pid = ifReadable(() => readInitRecord(bundle))?.pid ?? 0;
  const exit = readExit(bundle);
  if (!removeFile(`${bundle.path}/init.json`)) return;
  const id = bundle.id;
  const end = { exit_status: exit?.status ?? 255, exited_at: exit?.at ?? new Date() };
  // Its supervisor was killed before that.
  if (exit === undefined) bundle.publish("/tasks/exit", { container_id: id, id, pid, ...end });
  bundle.publish("/tasks/delete", { container_id: id, pid, ...end });
}

async function deleteFromRuntime(bundle: Bundle, { runc }: TaskRecord): Promise<void> {
  await callRunc(runc, ["delete", "--force", bundle.id]);
}

async function unmountRootfs(bundle: Bundle, mountCount: number): Promise<void> {
  const rootfs = `${bundle.path}/rootfs`;
  try {
    for (let count = 0; count < mountCount; count++) unmount(rootfs);
  } catch (error) {
    if (!hasErrno(error, "EINVAL", "EBUSY", "ENOENT")) throw error;
    // Something else is mounted below, or somebody unmounted already: mountinfo knows.
    const { unmountAll } = await import("../sys/mount.ts");
    unmountAll(rootfs);
  }
}

/** Everything but the mount point is plain files of ours. */
function removeFiles(bundle: Bundle, record: TaskRecord): void {
  unlist(bundle);
  removeOutsideFiles(bundle, record);
  removeDirectory(bundle.path, ["rootfs"]);
}

function removeOutsideFiles(bundle: Bundle, { output, logPath, timesPath, fifoDir }: OutputPlaces): void {
  if (output === "log") {
    // Before the log: of another one it would tell nothing true.
    if (timesPath !== undefined) removeFile(timesPath);
    removeFile(logPath);
  }
  if (fifoDir !== bundle.path) removeDirectory(fifoDir);
}

/** Removes a task that was never created whole; `remains` as far as there are any. The caller holds the lock. */
export async function abandonTask(bundle: Bundle, remains: TaskRemains | undefined): Promise<void> {
  if (remains !== undefined) {
    // Mostly the runtime has tidied up after itself, and then it knows of no such container.
    await callRunc(remains.runc, ["delete", "--force", bundle.id]).catch(() => {});
    removeOutsideFiles(bundle, remains);
  }
  const { unmountAll } = await import("../sys/mount.ts");
  unmountAll(`${bundle.path}/rootfs`);
  unlist(bundle);
  removeDirectory(bundle.path, ["rootfs"]);
}
