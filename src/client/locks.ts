import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import { holdOffCollector } from "../files/collection-lock.ts";
import { type LockFile, openLockFile } from "../files/lock-file.ts";
import type { Client } from "./open.ts";

/** Runs the task while no other process runs one of that name on this state directory; waits for its turn. */
export async function exclusively<T>(client: Client, name: string, task: () => Promise<T>): Promise<T> {
  const lock = await openLockFile(lockPath(client, name));
  try {
    return await task();
  } finally {
    lock.remove();
  }
}

/**
 * Runs the task while no garbage is collected: for making what refers to something just found or made. To be kept
 * short, since collections wait for it.
 */
export async function sparedFromCollection<T>(client: Client, task: () => Promise<T>): Promise<T> {
  madeDirectory(client.root);
  using _ = await holdOffCollector(client.root);
  return await task();
}

/**
 * Says for as long as it is held, and this process lives, that somebody looks after the container of a `run --rm`.
 * Undefined when somebody else still does after `patienceMs`.
 */
export async function claimOwnership(
  client: Client,
  id: string,
  patienceMs: number,
): Promise<LockFile | undefined> {
  try {
    const path = lockPath(client, `owner-${client.namespace}-${id}`);
    return await openLockFile(path, { timeoutMs: patienceMs });
  } catch (error) {
    if (hasCode(error, "Unavailable")) return undefined;
    throw error;
  }
}

function lockPath(client: Client, name: string): string {
  return join(madeDirectory(join(client.root, "locks")), name.replace(/[^A-Za-z0-9._-]/g, "_"));
}

function madeDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
