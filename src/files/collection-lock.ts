/**
 * Keeps garbage collection and makers of bytes apart (see `src/core/collector.ts`). Makers do not exclude each other.
 * The state directory exists.
 */
import { join } from "node:path";
import { type LockFile, openLockFile } from "./lock-file.ts";

/** Hold it from where bytes get their final name until their row is committed: milliseconds. */
export function holdOffCollector(root: string, signal?: AbortSignal): Promise<LockFile> {
  return openLockFile(lockPath(root), { mode: "shared", subject: "garbage collection", signal });
}

/** Hold it for a handful of removals at a time: every commit on this state directory waits meanwhile. */
export function keepWritersOut(root: string, signal?: AbortSignal): Promise<LockFile> {
  return openLockFile(lockPath(root), { mode: "exclusive", subject: "garbage collection", signal });
}

function lockPath(root: string): string {
  return join(root, "gc.lock");
}
