import { existsSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Exit, TaskStatus } from "../core/task.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import { type Bundle, readExit, readInitRecord } from "./bundle.ts";
import { cgroupsOf, freezingOf } from "./cgroup.ts";

/**
 * Truthful whoever was killed: what has ended is on disk or gone from /proc, what is paused is in its cgroup. Throws
 * NotFound.
 */
export function taskStatus(bundle: Bundle): TaskStatus {
  const init = readInitRecord(bundle);
  if (init === undefined) {
    if (existsSync(bundle.path)) return "unknown";
    throw new CtrError("NotFound", `task ${bundle.id}`);
  }
  if (readExit(bundle) !== undefined || !isSameProcessAlive(init.pid, init.startTicks)) return "stopped";
  switch (freezingOf(cgroupsOf(init.pid))) {
    case "frozen":
      return "paused";
    case "freezing":
      return "pausing";
    case "thawed":
      return init.started ? "running" : "created";
  }
}

/** Of a stopped task; with a killed supervisor nobody saw it. */
export function taskExit(bundle: Bundle): Exit {
  return readExit(bundle) ?? { status: 255, at: undefined };
}
