import { closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CtrError } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { lockWithin, tryLock } from "../sys/lock.ts";
import { type Bundle, readExit } from "./bundle.ts";

/** Those who only ask whether a lock is held hold it themselves for an instant. */
const PROBE_RETRY_MS = 1;
const RELEASE_TIMEOUT_MS = 10_000;

/**
 * Makes the bundle's directory if need be and locks it exclusively; answers the locking descriptor. Whatever the
 * directory holds was left by someone who lives no more. Throws AlreadyExists while another process has it.
 */
export async function lockBundle(bundle: Bundle): Promise<number> {
  for (;;) {
    makeDirectory(bundle.path);
    const fd = tryOpen(bundle.path);
    if (fd === undefined) continue;
    if (tryLock(fd, "exclusive")) {
      if (isStill(fd, bundle.path)) return fd;
      closeSync(fd);
      continue;
    }
    const onlyProbed = tryLock(fd, "shared");
    closeSync(fd);
    if (!onlyProbed) throw taken(bundle);
    await Bun.sleep(PROBE_RETRY_MS);
  }
}

/** The id is a task's; of one that has ended only the record is in the way. */
export function taken(bundle: Bundle): CtrError {
  const hasEnded = readExit(bundle) !== undefined;
  const hint = hasEnded ? `it has ended; delete it to start again: ctr tasks delete ${bundle.id}` : undefined;
  return new CtrError("AlreadyExists", `task ${bundle.id}`, { hint });
}

/**
 * Locks a bundle that exists as soon as it is free: a supervisor that does not answer any more is about to end.
 * Throws NotFound when the bundle is gone, Unavailable when it stays locked.
 */
export async function waitForBundle(bundle: Bundle): Promise<number> {
  const fd = tryOpen(bundle.path);
  if (fd === undefined) throw notFound(bundle);
  try {
    await lockWithin(fd, "exclusive", { timeoutMs: RELEASE_TIMEOUT_MS });
    if (!isStill(fd, bundle.path)) throw notFound(bundle);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether some process is at work on the bundle: its supervisor, or whoever creates or deletes it. */
export function isLocked(path: string): boolean {
  const fd = tryOpen(path);
  if (fd === undefined) return false;
  try {
    return !tryLock(fd, "shared");
  } finally {
    closeSync(fd);
  }
}

/** A directory that was removed and made anew while we waited is another one: its lock is not ours. */
export function isStill(fd: number, path: string): boolean {
  return fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino;
}

function notFound({ id }: Bundle): CtrError {
  return new CtrError("NotFound", `task ${id}`);
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return;
    if (!hasErrno(error, "ENOENT")) throw asSysError(error, path);
    makeParents(dirname(path));
    makeDirectory(path);
  }
}

/** Passable: a container in a user namespace reaches its root through these as another user. */
function makeParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o711, recursive: true });
  } catch (error) {
    throw asSysError(error, path);
  }
}

export function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw asSysError(error, path);
  }
}
