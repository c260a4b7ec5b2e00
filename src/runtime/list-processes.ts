import { join } from "node:path";
import type { ExecInfo, ProcessInfo } from "../core/task.ts";
import { listNames } from "../files/list-names.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import { type Bundle, ifReadable, readExecRecord, readExit, readInitRecord, UNSEEN } from "./bundle.ts";
import { cgroupsOf, pidsIn, UNIFIED } from "./cgroup.ts";
import { taskStatus } from "./task-status.ts";

/** Of every hierarchy, runc puts a container's processes into these. */
const CONTROLLERS = ["pids", "freezer", "devices", "memory", UNIFIED];

export function listProcesses(bundle: Bundle): ProcessInfo[] {
  const init = readInitRecord(bundle);
  if (init === undefined || taskStatus(bundle) === "stopped") return [];
  const cgroups = cgroupsOf(init.pid);
  const controller = CONTROLLERS.find((name) => cgroups.has(name));
  const pids = controller === undefined ? [init.pid] : pidsIn(cgroups.get(controller)!);
  const execIds = new Map(listExecs(bundle).map(({ pid, execId }) => [pid, execId]));
  return pids.sort((one, other) => one - other).map((pid) => ({ pid, execId: execIds.get(pid) }));
}

export function listExecs(bundle: Bundle): ExecInfo[] {
  return listNames(join(bundle.path, "execs")).flatMap((execId) => {
    const record = ifReadable(() => readExecRecord(bundle, execId));
    // It is being started, or failed to, or nobody can tell which process it is.
    if (record === undefined || record.pid === 0) return [];
    const { pid, startTicks } = record;
    if (isSameProcessAlive(pid, startTicks)) return { execId, pid, status: "running" };
    const exit = readExit(bundle, execId) ?? UNSEEN;
    return { execId, pid, status: "stopped", exit };
  });
}
