import { existsSync } from "node:fs";
import { CtrError } from "../../core/errors.ts";
import type { Metrics } from "../../core/metrics.ts";
import { type Bundle, readInitRecord } from "../bundle.ts";
import { type Cgroups, cgroupsOf, UNIFIED } from "../cgroup.ts";
import { readSpecCgroups } from "../spec-cgroups.ts";
import { readMetricsV1 } from "./v1.ts";
import { readMetricsV2 } from "./v2.ts";

/**
 * As `Task.metrics`. Of a process that has ended, the kernel no longer says in which cgroups it was: then those that
 * its spec names are asked, which are there until it is deleted.
 */
export function readTaskMetrics(bundle: Bundle): Metrics {
  const alive = cgroupsOf(readInitRecord(bundle)?.pid ?? 0);
  const cgroups = alive.size > 0 ? alive : readSpecCgroups(bundle);
  if (![...cgroups.values()].some((directory) => existsSync(directory))) {
    throw new CtrError("NotFound", `cgroups of task ${bundle.id}`);
  }
  return readMetrics(cgroups);
}

/** Beside controllers of version 1, a unified hierarchy has none that count. */
export function readMetrics(cgroups: Cgroups): Metrics {
  const unified = cgroups.get(UNIFIED);
  const isUnified = unified !== undefined && cgroups.size === 1;
  return {
    version: isUnified ? 2 : 1,
    at: new Date(),
    values: isUnified ? readMetricsV2(unified) : readMetricsV1(cgroups),
  };
}
