import { close, closeSync, readFileSync, write } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, O_RDWR, openAt } from "../sys/open.ts";
import { cgroupsOf } from "./cgroup.ts";

/**
 * Has the kernel ready for the OCI runtime to move a process into its cgroup. That move waits for an RCU grace
 * period, 8 ms and more, unless another one ended just before (cgroup_threadgroup_rwsem, whose rcu_sync forgets its
 * last writer after one more grace period). So we make one that changes nothing, into the cgroup where we already
 * are, in another thread, beside what there is to be done before the runtime gets to its own. Asked for again a few
 * milliseconds later, it costs nothing and lasts longer. Where we may not, it takes as long as it takes.
 */
export function anticipateMigration(): void {
  const fd = openOwnCgroup();
  if (fd === undefined) return;
  write(fd, `${process.pid}`, () => close(fd));
}

/** A list of processes that has us in it: below a cgroup namespace that is not ours, a path may mean another one. */
function openOwnCgroup(): number | undefined {
  for (const directory of new Set(cgroupsOf(process.pid).values())) {
    const fd = openIfAllowed(join(directory, "cgroup.procs"));
    if (fd === undefined) continue;
    if (lists(fd, process.pid)) return fd;
    closeSync(fd);
  }
  return undefined;
}

function openIfAllowed(path: string): number | undefined {
  try {
    return openAt(AT_FDCWD, path, O_RDWR);
  } catch {
    return undefined;
  }
}

/** Of a threaded cgroup the kernel lists no processes: EOPNOTSUPP. */
function lists(fd: number, pid: number): boolean {
  try {
    return readFileSync(fd, "latin1").split("\n").includes(`${pid}`);
  } catch {
    return false;
  }
}
