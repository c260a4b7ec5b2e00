/**
 * Keeps garbage collection and makers of bytes apart (see `src/core/collector.ts`). Makers do not exclude each other.
 *
 * Neither is to be asked for while this process holds the other: it would wait for itself.
 */
import { join } from "node:path";
import { makeDirectoryDurably } from "./durable.ts";
import { type LockFile, openLockFile } from "./lock-file.ts";

/**
 * While it is held nothing is collected, neither rows nor bytes. Hold it from where bytes get their final name until
 * their row is committed, or from making a record until something refers to it: milliseconds.
 */
export function holdOffCollector(root: string, signal?: AbortSignal): Promise<LockFile> {
  return openLockFile(lockPath(root), { mode: "shared", subject: "garbage collection", signal });
}

/** Hold it for a handful of removals at a time: every commit on this state directory waits meanwhile. */
export function keepWritersOut(root: string, signal?: AbortSignal): Promise<LockFile> {
  return openLockFile(lockPath(root), { mode: "exclusive", subject: "garbage collection", signal });
}

function lockPath(root: string): string {
  makeDirectoryDurably(root, 0o700);
  return join(root, "gc.lock");
}
