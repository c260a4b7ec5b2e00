import { existsSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Exit, TaskStatus } from "../core/task.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import { type Bundle, ifReadable, readExit, readInitRecord, UNSEEN } from "./bundle.ts";
import { cgroupsOf, freezingOf } from "./cgroup.ts";

/**
 * Truthful whoever was killed: what has ended is on disk or gone from /proc, what is paused is in its cgroup. Unknown
 * for what was not created whole, and where the record of the first process cannot be read. Throws NotFound.
 */
export function taskStatus(bundle: Bundle): TaskStatus {
  const init = ifReadable(() => readInitRecord(bundle));
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

/** The same for who cannot do without: throws DataLoss for a record that cannot be read. */
export function requireStatus(bundle: Bundle): TaskStatus {
  readInitRecord(bundle);
  return taskStatus(bundle);
}

/** Of a stopped task; with a killed supervisor nobody saw it. */
export const taskExit = (bundle: Bundle): Exit => readExit(bundle) ?? UNSEEN;
