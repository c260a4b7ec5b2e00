import { CtrError } from "../core/errors.ts";
import type { Container } from "../core/records.ts";
import type { RuntimeOptions } from "../core/task.ts";
import { decodeRuncOptions } from "../oci/runtime-options.ts";

export const DEFAULT_RUNTIME = "io.containerd.runc.v2";

/** How a container's record says its runtime is called. Throws InvalidArgument for a runtime that is not runc's. */
export function runtimeOptionsOf({ name, options }: Container["runtime"]): RuntimeOptions {
  if (name !== DEFAULT_RUNTIME) {
    throw new CtrError("InvalidArgument", `runtime ${JSON.stringify(name)} cannot be started`, {
      hint: `use ${DEFAULT_RUNTIME}, with --runc-binary for another OCI runtime`,
    });
  }
  const { binaryName, root, systemdCgroup, noPivotRoot } = options ? decodeRuncOptions(options) : {};
  return { binary: binaryName, root, systemdCgroup, noPivot: noPivotRoot };
}
