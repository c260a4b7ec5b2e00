import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import { type LockFile, openLockFile } from "../files/lock-file.ts";
import { endPlugins } from "./end-plugins.ts";

const LOOK_MS = 100;
/** For a holder whose plugins were ended. */
const PATIENCE_MS = 10_000;

/** How to wait for whoever has a container's lock. */
export interface Turn {
  signal?: AbortSignal;
  /** Whether the container has ended: what its plugins still add, they add in vain. */
  isOver(): boolean;
  /** How long plugins may take to remove it. */
  removalMs: number;
}

export interface NetworkLocks {
  /**
   * Runs the work while nobody else adds the container to its network or removes it. Plugins have a copy of the lock:
   * one whose caller was killed keeps it until it is done. Waits as long as a holder lives whose container does; once
   * that has ended, the plugins that add it are ended, and those that remove it when they take longer than anybody lets
   * them. Throws Canceled for the signal, Unavailable for a holder that holds it nevertheless.
   */
  exclusively<T>(containerId: string, turn: Turn, work: (lockFd: number) => Promise<T>): Promise<T>;
  /** The same, but not at all when somebody has the lock. */
  unlessLocked(containerId: string, work: (lockFd: number) => Promise<void>): Promise<void>;
}

export function openNetworkLocks(root: string): NetworkLocks {
  const open = (containerId: string, wait: { timeoutMs: number; signal?: AbortSignal }) => {
    const directory = join(root, "locks");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `network-${containerId}`);
    return openLockFile(path, { ...wait, subject: `network of container ${containerId}` });
  };
  const tryOpen = (containerId: string, wait: { timeoutMs: number; signal?: AbortSignal }) =>
    open(containerId, wait).catch((error) => {
      if (!hasCode(error, "Unavailable")) throw error;
    });
  const openInTurn = async (containerId: string, { signal, isOver, removalMs }: Turn) => {
    const deadline = performance.now() + removalMs;
    for (;;) {
      const lock = await tryOpen(containerId, { timeoutMs: LOOK_MS, signal });
      if (lock) return lock;
      if (!isOver()) continue;
      await endPlugins(containerId, "ADD");
      if (performance.now() < deadline) continue;
      await endPlugins(containerId);
      return open(containerId, { timeoutMs: PATIENCE_MS, signal });
    }
  };
  return {
    exclusively: async (containerId, turn, work) => during(await openInTurn(containerId, turn), work),
    async unlessLocked(containerId, work) {
      const lock = await tryOpen(containerId, { timeoutMs: 0 });
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
