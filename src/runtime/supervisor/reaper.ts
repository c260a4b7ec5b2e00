/**
 * Ends of processes that are not children of Bun.spawn: the container's first process and its execs, which become
 * ours when the runtime that started them exits.
 */
import { openPath } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { closeFd, O_DIRECTORY, O_RDONLY } from "../../sys/open.ts";
import { becomeSubreaper, hasEndedChild, readProcessStat, reap } from "../../sys/process.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { readSmallFile } from "../../sys/small-file.ts";

/** Of a process that somebody else reaped. */
const UNSEEN_STATUS = 255;

export interface End {
  status: number;
  at: Date;
}

export interface Reaper {
  /** The end of an orphan that came or will come to us. */
  watch(pid: number): Promise<End>;
  /**
   * Reaps orphans nobody watches: in a shared pid namespace they come to us, not to an init; crun leaves us some of a
   * private one too, whose init cannot end before they are reaped.
   */
  reapStrangers(isOurs: (pid: number) => boolean): void;
}

export function createReaper(onChildEnded: () => void): Reaper {
  const watched = new Map<number, (end: End) => void>();
  const scan = () => {
    for (const [pid, settle] of watched) {
      const status = statusOf(pid);
      if (status === undefined) continue;
      watched.delete(pid);
      settle({ status, at: new Date() });
    }
  };
  process.on("SIGCHLD", () => {
    scan();
    onChildEnded();
  });
  becomeSubreaper();
  return {
    watch(pid) {
      const { promise, resolve } = Promise.withResolvers<End>();
      watched.set(pid, resolve);
      // It may have ended before we knew its number.
      scan();
      return promise;
    },
    reapStrangers(isOurs) {
      if (!hasEndedChild()) return;
      for (const pid of readChildren()) if (!watched.has(pid) && !isOurs(pid)) reap(pid);
    },
  };
}

/**
 * Undefined before its end. It may not be ours yet: a helper of crun's, whose end we shall hear of, can still be its
 * parent for a moment.
 */
function statusOf(pid: number): number | undefined {
  try {
    return reap(pid)?.code;
  } catch (error) {
    if (!hasErrno(error, "ECHILD")) throw error;
    return readProcessStat(pid) === undefined ? UNSEEN_STATUS : undefined;
  }
}

/** Children belong to the thread that started them, orphans to any of ours. */
function readChildren(): number[] {
  const fd = openPath("/proc/self/task", O_RDONLY | O_DIRECTORY);
  try {
    return readDirectory(fd)
      .map(({ name }) => readSmallFile(`/proc/self/task/${name}/children`) ?? "")
      .flatMap((text) => text.split(" ").filter(Boolean).map(Number));
  } finally {
    closeFd(fd);
  }
}
