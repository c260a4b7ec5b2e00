import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import { holdOffCollector } from "../files/collection-lock.ts";
import { listNames } from "../files/list-names.ts";
import { type LockFile, openLockFile } from "../files/lock-file.ts";
import { asSysError } from "../sys/errno.ts";
import type { Client } from "./open.ts";

/** Held by who makes or deletes the container of that name. */
export const creationLock = ({ namespace }: Client, id: string): string => `create-${namespace}--${id}`;

/** Waits until no other process on this state directory holds the lock of that name; answers how to give it back. */
export async function claimLock(client: Client, name: string, signal?: AbortSignal): Promise<() => void> {
  const lock = await openLockFile(lockPath(client, name), { signal });
  return () => lock.remove();
}

/** Runs the task while no other process runs one of that name; waits for its turn. */
export async function exclusively<T>(client: Client, name: string, task: () => Promise<T>): Promise<T> {
  const release = await claimLock(client, name);
  try {
    return await task();
  } finally {
    release();
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
    const path = lockPath(client, ownerLock(client.namespace, id));
    return await openLockFile(path, { timeoutMs: patienceMs });
  } catch (error) {
    if (hasCode(error, "Unavailable")) return undefined;
    throw error;
  }
}

/** Whether somebody has claimed it and lives. */
export async function isOwned(client: Client, id: string): Promise<boolean> {
  const lock = await openAtOnce(lockPath(client, ownerLock(client.namespace, id)), "shared");
  lock?.remove();
  return lock === undefined;
}

/** Two hyphens are in no identifier: `a` and `b-c` must not share a lock with `a-b` and `c`. */
const ownerLock = (namespace: string, id: string): string => `owner-${namespace}--${id}`;

/**
 * Files of locks whose holders were killed: nobody holds them. An owner's stays as long as there is a container that
 * it might be asked for about.
 */
export async function abandonedLocks(
  { root }: Pick<Client, "root">,
  containers: readonly { namespace: string; id: string }[],
): Promise<string[]> {
  const directory = join(root, "locks");
  const owners = new Set(containers.map(({ namespace, id }) => fileName(ownerLock(namespace, id))));
  const abandoned: string[] = [];
  for (const name of listNames(directory).filter((name) => !owners.has(name))) {
    const lock = await openAtOnce(join(directory, name), "shared");
    lock?.[Symbol.dispose]();
    if (lock) abandoned.push(join(directory, name));
  }
  return abandoned;
}

/** Unless somebody holds it by now. */
export async function removeLock(path: string): Promise<void> {
  (await openAtOnce(path, "exclusive"))?.remove();
}

/** The lock of that name; undefined when somebody has it. */
export function openLockNow(client: Client, name: string): Promise<LockFile | undefined> {
  return openAtOnce(lockPath(client, name), "exclusive");
}

async function openAtOnce(path: string, mode: "shared" | "exclusive"): Promise<LockFile | undefined> {
  try {
    return await openLockFile(path, { mode, timeoutMs: 0 });
  } catch (error) {
    if (hasCode(error, "Unavailable")) return undefined;
    throw error;
  }
}

function lockPath(client: Client, name: string): string {
  return join(madeDirectory(join(client.root, "locks")), fileName(name));
}

const fileName = (lock: string): string => lock.replace(/[^A-Za-z0-9._-]/g, "_");

function madeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
  return path;
}
