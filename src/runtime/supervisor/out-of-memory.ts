/** Processes of a container that the kernel kills because its memory is used up. */
import { openPath, writeNow } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { onNotice, openChangeNotice, openEventFd } from "../../sys/notices.ts";
import { closeFd, O_RDONLY, O_WRONLY } from "../../sys/open.ts";
import { readSmallFile } from "../../sys/small-file.ts";

/** Not more often: a container that does nothing else would push everybody's events out of the log. */
const INTERVAL_MS = 1000;

export interface OomWatch {
  /** Tells of what was not told of yet, and of nothing afterwards: at the end of the container. */
  end(): void;
}

/** For a process that has not been reaped; `cgroupsPath` as in its spec. Throws for one in no memory cgroup. */
export function watchForOom(pid: number, cgroupsPath: string, tell: () => void): OomWatch {
  const { directory, isV1 } = memoryCgroupOf(pid, cgroupsPath);
  const path = `${directory}/${isV1 ? "memory.oom_control" : "memory.events"}`;
  let toldCount = 0;
  let knownCount = 0;
  let nextAt = 0;
  let waiting: Timer | undefined;
  let isOver = false;
  const tellNow = () => {
    if (knownCount > toldCount) tell();
    toldCount = knownCount;
    nextAt = performance.now() + INTERVAL_MS;
  };
  const look = (leastCount: number) => {
    const text = readCgroupFile(path);
    // That the cgroup is removed is a notice too.
    if (text === undefined) return;
    const count = Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
    knownCount = Math.max(knownCount, count, leastCount);
  };
  const lookThenTell = (leastCount: number) => {
    if (isOver) return;
    look(leastCount);
    if (knownCount === toldCount || waiting !== undefined) return;
    const waitMs = nextAt - performance.now();
    if (waitMs <= 0) return tellNow();
    waiting = setTimeout(() => {
      waiting = undefined;
      tellNow();
    }, waitMs);
  };
  const fd = isV1 ? openOomNotice(directory, path) : openChangeNotice(path);
  // Version 1 says so before it kills, and where it is told not to kill at all; version 2 counts other things too.
  const notices = onNotice(fd, () => lookThenTell(isV1 ? toldCount + 1 : 0));
  return {
    end() {
      notices[Symbol.dispose]();
      isOver = true;
      clearTimeout(waiting);
      look(0);
      tellNow();
    },
  };
}

function readCgroupFile(path: string): string | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    // It went while we read.
    if (hasErrno(error, "ENODEV")) return undefined;
    throw error;
  }
}

/** As in cgroup.ts, without what that loads. */
function memoryCgroupOf(pid: number, cgroupsPath: string): { directory: string; isV1: boolean } {
  const text = readSmallFile(`/proc/${pid}/cgroup`) ?? "";
  const v1 = /^\d+:memory:(.*)$/m.exec(text)?.[1];
  // Version 1 shows in its root a process that has ended; the spec says where it was.
  if (v1 !== undefined)
    return { directory: `/sys/fs/cgroup/memory${v1 === "/" ? cgroupsPath : v1}`, isV1: true };
  const v2 = /^0::(.*)$/m.exec(text)?.[1];
  if (v2 === undefined) throw new Error(`no memory cgroup of process ${pid}`);
  return { directory: `/sys/fs/cgroup${v2}`, isV1: false };
}

/** Kernel, cgroup-v1/memory.rst, "OOM Control": an eventfd and the control file, told to cgroup.event_control. */
function openOomNotice(directory: string, controlPath: string): number {
  const controlFd = openPath(controlPath, O_RDONLY);
  try {
    const registerFd = openPath(`${directory}/cgroup.event_control`, O_WRONLY);
    try {
      return registeredEvent(registerFd, controlFd);
    } finally {
      closeFd(registerFd);
    }
  } finally {
    closeFd(controlFd);
  }
}

function registeredEvent(registerFd: number, controlFd: number): number {
  const fd = openEventFd();
  try {
    writeNow(registerFd, Buffer.from(`${fd} ${controlFd}`));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
