import { hasErrno } from "../sys/errno.ts";
import { removeFile } from "../sys/small-file.ts";
import type { Bundle, TaskRecord } from "./bundle.ts";
import { removeDirectory } from "./remove-directory.ts";
import { callRunc } from "./runc.ts";

/**
 * Removes a task whose first process has ended. The caller holds the bundle's lock. Whoever is killed in the midst
 * leaves a task that is still listed, or litter, and both can be removed again: the record of the first process
 * goes when nothing but files is left.
 */
export async function removeTask(bundle: Bundle, record: TaskRecord): Promise<void> {
  await (await withdrawTask(bundle, record, { early: false })).finished;
}

export interface Withdrawal {
  /** Settles when nothing is left of the task. */
  finished: Promise<void>;
}

/**
 * Begins a removal, and answers when nothing is mounted any more. `early`: the task is not listed any more by then,
 * and whoever wants its id waits for the bundle's lock; if we are killed before the end, litter remains.
 */
export async function withdrawTask(
  bundle: Bundle,
  record: TaskRecord,
  { early }: { early: boolean },
): Promise<Withdrawal> {
  if (early) removeFile(`${bundle.path}/init.json`);
  const deleted = callRunc(record.runc, ["delete", "--force", bundle.id]);
  // Should unmounting fail, nobody awaits it any more.
  deleted.catch(() => {});
  // The mount has no part in what the runtime does now, unless a hook looks at it.
  if (record.hasPoststopHooks) await deleted;
  await unmountRootfs(bundle, record.mountCount);
  return { finished: deleted.then(() => removeFiles(bundle, record)) };
}

/** Its code is loaded now: no supervisor needs it before its end. */
async function unmountRootfs(bundle: Bundle, mountCount: number): Promise<void> {
  if (mountCount === 0) return;
  const { unmount, unmountAll } = await import("../sys/mount.ts");
  const rootfs = `${bundle.path}/rootfs`;
  try {
    for (let count = 0; count < mountCount; count++) unmount(rootfs);
  } catch (error) {
    if (!hasErrno(error, "EINVAL", "EBUSY", "ENOENT")) throw error;
    // Something else is mounted below, or somebody unmounted already: mountinfo knows.
    unmountAll(rootfs);
  }
}

/** Everything but the mount point is plain files of ours. */
function removeFiles(bundle: Bundle, record: TaskRecord): void {
  removeFile(`${bundle.path}/init.json`);
  removeOutsideFiles(bundle, record);
  removeDirectory(bundle.path, ["rootfs"]);
}

function removeOutsideFiles(bundle: Bundle, { output, logPath, fifoDir }: TaskRecord): void {
  if (output === "log") removeFile(logPath);
  if (fifoDir !== bundle.path) removeDirectory(fifoDir);
}

/** Removes a task that was never created whole; `record` as far as there is one. The caller holds the lock. */
export async function abandonTask(bundle: Bundle, record: TaskRecord | undefined): Promise<void> {
  if (record !== undefined) {
    // Mostly the runtime has tidied up after itself, and then it knows of no such container.
    await callRunc(record.runc, ["delete", "--force", bundle.id]).catch(() => {});
    removeOutsideFiles(bundle, record);
  }
  const { unmountAll } = await import("../sys/mount.ts");
  unmountAll(`${bundle.path}/rootfs`);
  removeDirectory(bundle.path, ["rootfs"]);
}
