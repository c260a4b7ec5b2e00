/**
 * A path as a lock among processes: an flock on the file there. What the file says (pid and time) is for messages
 * only; who holds the lock is known to the kernel alone, which gives it back when its holder dies.
 *
 * The race that matters: between our open and our lock the file can be unlinked (its holder is done) and made anew
 * by another process, which then holds another lock of the same name. So after locking, the path must still mean
 * the file we locked; if not, we begin again.
 */
import { ftruncateSync, readFileSync, writeSync } from "node:fs";
import { CtrError, hasCode } from "../core/errors.ts";
import { unlinkAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import { type LockMode, type LockWait, lockWithin } from "../sys/lock.ts";
import { AT_FDCWD, closeFd, O_CREAT, O_NOFOLLOW, O_RDWR, openAt } from "../sys/open.ts";
import { readProcessStat } from "../sys/process.ts";
import { isSameFile, statAt, statFd } from "../sys/stat.ts";

/** Held until disposed of. */
export interface LockFile extends Disposable {
  readonly path: string;
  /** The locked file. Not to be closed, nor handed to a child that outlives us: it would keep the lock. */
  readonly fd: number;
  /** Removes the file, then gives the lock back; whoever waits for it notices and makes a new one. */
  remove(): void;
}

export interface LockFileWait extends LockWait {
  mode?: LockMode;
  /** What the lock is about, for the message: `ingest "x"`. The path when absent. */
  subject?: string;
}

/**
 * Locks the file `path`, made (0600) where missing; its directory exists. Exclusive and without end unless told
 * otherwise; `timeoutMs: 0` asks once. Throws Unavailable, naming who holds it and since when, after `timeoutMs`, and
 * Canceled for an aborted signal.
 */
export async function openLockFile(
  path: string,
  { mode = "exclusive", subject = path, timeoutMs = Infinity, signal }: LockFileWait = {},
): Promise<LockFile> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const fd = openAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      await lockWithin(fd, mode, { timeoutMs: deadline - performance.now(), signal });
      if (isStillAt(path, fd)) return heldLock(path, fd, mode);
    } catch (error) {
      closeFd(fd);
      throw hasCode(error, "Unavailable") ? heldByOther(path, subject) : error;
    }
    closeFd(fd);
  }
}

function isStillAt(path: string, fd: number): boolean {
  try {
    return isSameFile(statAt(AT_FDCWD, path), statFd(fd));
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

function heldLock(path: string, fd: number, mode: LockMode): LockFile {
  if (mode === "exclusive") writeHolder(fd, `${process.pid} ${new Date().toISOString()}\n`);
  let isHeld = true;
  const release = (whileHeld: () => void) => {
    if (!isHeld) return;
    isHeld = false;
    try {
      whileHeld();
    } finally {
      closeFd(fd);
    }
  };
  return {
    path,
    fd,
    remove: () => release(() => unlinkAt(AT_FDCWD, path)),
    [Symbol.dispose]: () =>
      release(() => {
        if (mode === "exclusive") writeHolder(fd, "");
      }),
  };
}

/** For messages only, so a full disk does not matter. */
function writeHolder(fd: number, text: string): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, text, 0);
  } catch {}
}

function heldByOther(path: string, subject: string): CtrError {
  const [pid = "", since = ""] = readHolder(path).split(/\s/);
  const isKnown = /^[1-9]\d*$/.test(pid) && readProcessStat(Number(pid)) !== undefined;
  const holder = isKnown ? `process ${pid} since ${since}` : "another process";
  return new CtrError("Unavailable", `${subject} is locked by ${holder}`, {
    hint: "wait until it is done, or end it",
  });
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
