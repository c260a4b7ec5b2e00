import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import { type LockFile, openLockFile } from "../files/lock-file.ts";
import { endPlugins } from "./end-plugins.ts";

/** How long others may take before a plugin of theirs is taken for one that hangs. */
const PATIENCE_MS = 10_000;

export interface NetworkLocks {
  /**
   * Runs the work while nobody else adds the container to its network or removes it. Plugins have a copy of the lock:
   * one whose caller was killed keeps it until it is done, or until we lose patience and end it.
   */
  exclusively<T>(containerId: string, work: (lockFd: number) => Promise<T>): Promise<T>;
  /** The same, but not at all when somebody has the lock. */
  unlessLocked(containerId: string, work: (lockFd: number) => Promise<void>): Promise<void>;
}

export function openNetworkLocks(root: string): NetworkLocks {
  const open = (containerId: string, timeoutMs: number) => {
    const directory = join(root, "locks");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `network-${containerId}`);
    return openLockFile(path, { timeoutMs, subject: `network of container ${containerId}` });
  };
  return {
    async exclusively(containerId, work) {
      const lock = await open(containerId, PATIENCE_MS).catch(async (error) => {
        if (!hasCode(error, "Unavailable")) throw error;
        await endPlugins(containerId);
        return open(containerId, PATIENCE_MS);
      });
      return during(lock, work);
    },
    async unlessLocked(containerId, work) {
      const lock = await open(containerId, 0).catch((error) => {
        if (!hasCode(error, "Unavailable")) throw error;
      });
      if (lock) await during(lock, work);
    },
  };
}

/** The file goes in the end: what a plugin left running in the background must not hold the lock for good. */
async function during<T>(lock: LockFile, work: (lockFd: number) => Promise<T>): Promise<T> {
  try {
    return await work(lock.fd);
  } finally {
    lock.remove();
  }
}
