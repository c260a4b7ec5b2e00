import type { NewContainer } from "../../client/containers/create-container.ts";
import { CtrError } from "../../core/errors.ts";
import { UsageError } from "../usage-error.ts";
import { booleanFlag, type FlagValues, stringFlag } from "./flag.ts";

const RUNC = "io.containerd.runc.v2";

/** Which OCI runtime a container is started with: flags of `run` and of `containers create`. */
export const runtimeFlags = {
  runtime: stringFlag("name of the runtime", { default: RUNC, placeholder: "NAME" }),
  runtimeConfigPath: stringFlag("configuration of a runtime that is not runc's, for its record", {
    placeholder: "FILE",
    completion: "files",
  }),
  runcBinary: stringFlag("OCI runtime to use, by name or path (default: runc)", {
    placeholder: "PATH",
    completion: "files",
  }),
  runcRoot: stringFlag("directory in which the OCI runtime keeps its state", {
    placeholder: "DIR",
    completion: "directories",
  }),
  runcSystemdCgroup: booleanFlag("have systemd make the cgroup; needs --cgroup"),
  noPivot: booleanFlag("do not use pivot_root, for a root filesystem on a ramdisk"),
};

type RuntimeValues = FlagValues<typeof runtimeFlags>;

/** What the container's record says about it. Throws UsageError, InvalidArgument. */
export async function runtimeOf(
  flags: RuntimeValues & { cgroup?: string },
): Promise<NonNullable<NewContainer["runtime"]>> {
  const { runtime: name, runcBinary: binaryName, runcSystemdCgroup: systemdCgroup } = flags;
  if (systemdCgroup && !flags.cgroup) {
    throw new UsageError(
      'option --runc-systemd-cgroup requires --cgroup to be set, e.g. "machine.slice:foo:deadbeef"',
    );
  }
  if (name === "") {
    const subject = "create container failed validation: container.Runtime.Name must be set";
    throw new CtrError("InvalidArgument", subject);
  }
  if (name === RUNC) {
    const { encodeRuncOptions } = await import("../../client/containers/spec.ts");
    const { runcRoot: root, noPivot: noPivotRoot } = flags;
    return { name, options: encodeRuncOptions({ binaryName, root, noPivotRoot, systemdCgroup }) };
  }
  if (binaryName || systemdCgroup) {
    throw new UsageError(
      `specifying runc-binary and runc-systemd-cgroup is only supported for "${RUNC}" runtime`,
    );
  }
  if (!flags.runtimeConfigPath) return { name };
  const { encodeRuntimeConfig } = await import("../../client/containers/spec.ts");
  return { name, options: encodeRuntimeConfig(flags.runtimeConfigPath) };
}
