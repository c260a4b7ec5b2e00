import { readdirSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { unmount, unmountAll } from "../sys/mount.ts";
import type { Bundle, TaskRecord } from "./bundle.ts";
import { callRunc } from "./runc.ts";

/**
 * Removes a task whose first process has ended. The caller holds the bundle's lock. Whoever is killed in the midst
 * leaves a task that is still listed, or litter, and both can be removed again: the record of the first process
 * goes when nothing but files is left.
 */
export async function removeTask(bundle: Bundle, record: TaskRecord): Promise<void> {
  const deleted = callRunc(record.runc, ["delete", "--force", bundle.id]);
  // The mount has no part in what the runtime does now, unless a hook looks at it.
  if (record.hasPoststopHooks) await deleted;
  unmountRootfs(bundle, record.mountCount);
  await deleted;
  removeFiles(bundle, record);
}

function unmountRootfs(bundle: Bundle, mountCount: number): void {
  const rootfs = join(bundle.path, "rootfs");
  try {
    for (let count = 0; count < mountCount; count++) unmount(rootfs);
  } catch (error) {
    if (!hasErrno(error, "EINVAL", "EBUSY", "ENOENT")) throw error;
    // Something else is mounted below, or somebody unmounted already: mountinfo knows.
    unmountAll(rootfs);
  }
}

/** Everything but the mount point is plain files of ours. A mount that is still there fails rmdir, and loses nothing. */
function removeFiles(bundle: Bundle, record: TaskRecord): void {
  removeQuietly(() => unlinkSync(join(bundle.path, "init.json")));
  if (record.output === "log") removeQuietly(() => unlinkSync(record.logPath));
  if (record.fifoDir !== bundle.path) rmSync(record.fifoDir, { recursive: true, force: true });
  removeBundleFiles(bundle);
}

/** Removes a task that was never created whole; `record` as far as there is one. The caller holds the lock. */
export async function abandonTask(bundle: Bundle, record: TaskRecord | undefined): Promise<void> {
  if (record !== undefined) {
    // Mostly the runtime has tidied up after itself, and then it knows of no such container.
    await callRunc(record.runc, ["delete", "--force", bundle.id]).catch(() => {});
    if (record.output === "log") rmSync(record.logPath, { force: true });
    if (record.fifoDir !== bundle.path) rmSync(record.fifoDir, { recursive: true, force: true });
  }
  unmountAll(join(bundle.path, "rootfs"));
  removeBundleFiles(bundle);
}

/** Of a bundle where nothing is mounted and nothing runs. */
function removeBundleFiles(bundle: Bundle): void {
  for (const name of listNames(bundle.path)) {
    const path = join(bundle.path, name);
    if (name === "rootfs") removeQuietly(() => rmdirSync(path));
    else rmSync(path, { recursive: true, force: true });
  }
  removeQuietly(() => rmdirSync(bundle.path));
}

function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw asSysError(error, path);
  }
}

function removeQuietly(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw asSysError(error);
  }
}
