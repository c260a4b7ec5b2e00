import { existsSync } from "node:fs";
import { release } from "node:os";
import { hasCode } from "../../core/errors.ts";
import { inspectRuntime } from "../containers/inspect-runtime.ts";
import { DEFAULT_RUNTIME } from "../containers/runtime.ts";
import type { Client } from "../open.ts";

/** Where this client works, and with what. */
export interface SystemInfo {
  root: string;
  state: string;
  namespace: string;
  kernel: string;
  /** Version that containers get theirs of. */
  cgroups: 1 | 2;
  /** Null where none is installed. */
  runtime: { name: string; path: string; version: string; revision: string } | null;
  /** What somebody should see to. */
  warnings: string[];
}

/** Reads nothing of the state directory, which need not exist. */
export async function describeSystem({ root, state, namespace }: Client): Promise<SystemInfo> {
  const { runtime, warnings } = await describeRuntime();
  return {
    root,
    state,
    namespace,
    kernel: release(),
    cgroups: existsSync("/sys/fs/cgroup/cgroup.controllers") ? 2 : 1,
    runtime,
    warnings,
  };
}

async function describeRuntime(): Promise<Pick<SystemInfo, "runtime" | "warnings">> {
  try {
    const { name, path, version, revision, warnings } = await inspectRuntime({ name: DEFAULT_RUNTIME });
    return { runtime: { name, path, version, revision }, warnings };
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    return { runtime: null, warnings: [`${error.message}${error.hint ? ` (${error.hint})` : ""}`] };
  }
}
