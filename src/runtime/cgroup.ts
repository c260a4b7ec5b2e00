/** A process' cgroups, version 1, 2 or both, as they are mounted by convention below /sys/fs/cgroup. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasErrno } from "../sys/errno.ts";

const CGROUP_ROOT = "/sys/fs/cgroup";

/** The unified hierarchy (version 2, alone or beside version 1), among names of controllers. */
export const UNIFIED = "";

/** Directory by controller. */
export type Cgroups = ReadonlyMap<string, string>;

/** Empty when the process is gone. */
export function cgroupsOf(pid: number): Cgroups {
  const text = readCgroupFile(`/proc/${pid}/cgroup`) ?? "";
  const found = new Map<string, string>();
  for (const line of text.split("\n").filter(Boolean)) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(",")) {
      found.set(controller.replace(/^name=/, ""), cgroupDirectory(controllers, path));
    }
  }
  return found;
}

function cgroupDirectory(controllers: string, path: string): string {
  if (controllers !== "") return join(CGROUP_ROOT, controllers.replace(/^name=/, ""), path);
  const isHybrid = existsSync(join(CGROUP_ROOT, "unified"));
  return join(CGROUP_ROOT, isHybrid ? "unified" : "", path);
}

/** Where cgroups of the spec's `cgroupsPath` would be, whether or not they exist. Not for systemd's slices. */
export function cgroupsAt(path: string): Cgroups {
  const isUnified = existsSync(join(CGROUP_ROOT, "cgroup.controllers"));
  if (isUnified) return new Map([[UNIFIED, join(CGROUP_ROOT, path)]]);
  const names = readdirSync(CGROUP_ROOT).flatMap((mount) =>
    mount
      .split(",")
      .map((name) => [name === "unified" ? UNIFIED : name, join(CGROUP_ROOT, mount, path)] as const),
  );
  return new Map(names);
}

export type Freezing = "thawed" | "freezing" | "frozen";

export function freezingOf(cgroups: Cgroups): Freezing {
  const v1 = cgroups.get("freezer");
  if (v1 !== undefined) {
    const state = readCgroupFile(join(v1, "freezer.state"))?.trim();
    return state === "FROZEN" ? "frozen" : state === "FREEZING" ? "freezing" : "thawed";
  }
  const v2 = cgroups.get(UNIFIED) ?? CGROUP_ROOT;
  if (readCgroupFile(join(v2, "cgroup.freeze"))?.trim() !== "1") return "thawed";
  return /^frozen 1$/m.test(readCgroupFile(join(v2, "cgroup.events")) ?? "") ? "frozen" : "freezing";
}

/** Processes of the cgroup and those below it. */
export function pidsIn(directory: string): number[] {
  const own = (readCgroupFile(join(directory, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);
  return [...own, ...childrenOf(directory).flatMap(pidsIn)];
}

export function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Undefined when there is none, or no more. */
export function readCgroupFile(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    // ENODEV: the cgroup went while we read.
    if (hasErrno(error, "ENOENT", "ENODEV", "ESRCH", "ENOTDIR")) return undefined;
    throw error;
  }
}
