import { decodeRuncOptions, type RuncOptions } from "../../oci/runtime-options.ts";
import { inspectRunc, type RuncInfo } from "../../runtime/inspect-runc.ts";
import { findRunc } from "../../runtime/runc.ts";
import type { NewContainer } from "./create-container.ts";
import { runtimeOptionsOf } from "./runtime.ts";

export interface RuntimeInfo extends RuncInfo {
  /** As a container's record would have them. */
  options: RuncOptions | undefined;
}

/** What would run a container of that runtime. Throws NotFound naming the package, and as starting one would. */
export async function inspectRuntime(runtime: NonNullable<NewContainer["runtime"]>): Promise<RuntimeInfo> {
  const { binary, root = "" } = runtimeOptionsOf(runtime);
  const info = await inspectRunc(findRunc({ binary }, root));
  return { ...info, options: runtime.options?.value ? decodeRuncOptions(runtime.options) : undefined };
}
