import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ExecInfo, ProcessInfo } from "../core/task.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import { type Bundle, readExecRecord, readExit, readInitRecord } from "./bundle.ts";
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
  return execIdsOf(bundle).flatMap((execId) => {
    const record = readExecRecord(bundle, execId);
    // It is being started, or failed to.
    if (record === undefined || record.pid === 0) return [];
    const { pid, startTicks } = record;
    if (isSameProcessAlive(pid, startTicks)) return { execId, pid, status: "running" };
    const exit = readExit(bundle, execId) ?? { status: 255, at: undefined };
    return { execId, pid, status: "stopped", exit };
  });
}

function execIdsOf(bundle: Bundle): string[] {
  const directory = join(bundle.path, "execs");
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw asSysError(error, directory);
  }
}
