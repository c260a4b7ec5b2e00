/**
 * flock(2): the kernel gives the lock back when its last descriptor closes, so a dead process holds none. Dangerous
 * here: the lock belongs to the open file, not to the process, and is shared with every copy of the descriptor; a
 * child that inherited one keeps the lock alive. Not for network filesystems older than Linux 2.6.12.
 *
 * A blocking flock would stop the whole event loop, signal handlers too: so none is made here.
 */
import { CtrError } from "../core/errors.ts";
import { SysError } from "./errno.ts";
import { lastErrno, linkOnFirstUse } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const RETRY_MS_MAX = 100;

export type LockMode = "shared" | "exclusive";

export interface LockWait {
  /** For how long; not at all when 0, without end when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const libc = linkOnFirstUse({
  flock: { args: ["i32", "i32"], returns: "i32" },
});

/** Whether the lock could be had at once. Changing the mode of a lock is not atomic: it is dropped first. */
export function tryLock(fd: number, mode: LockMode): boolean {
  if (libc().flock(fd, operation(mode) | LOCK_NB) === 0) return true;
  const failure = new SysError(lastErrno(), "flock");
  if (failure.errno === "EAGAIN") return false;
  throw failure;
}

/**
 * Waits for the lock while the process goes on with other work, asking again after 1 ms, then at growing intervals
 * with some chance in them, so that many waiters do not ask all at once. There is no queue: a waiter may be
 * overtaken. Throws Unavailable when the time is up, and the signal's reason as Canceled.
 */
export async function lockWithin(
  fd: number,
  mode: LockMode,
  { timeoutMs = Infinity, signal }: LockWait = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let waitMs = 1; !tryLock(fd, mode); waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw new CtrError("Unavailable", "lock held by another process");
    if (signal?.aborted) throw new CtrError("Canceled", "wait for a lock", { cause: signal.reason });
    await Bun.sleep(Math.min(leftMs, waitMs * (0.5 + Math.random())));
  }
}

function operation(mode: LockMode): number {
  return mode === "shared" ? LOCK_SH : LOCK_EX;
}
