import type { NewContainer } from "../../client/containers.ts";
import { CtrError } from "../../core/errors.ts";
import { booleanFlag, type FlagValues, stringFlag } from "./flag.ts";

const RUNC = "io.containerd.runc.v2";

/** Which OCI runtime a container is started with: flags of `run` and of `containers create`. */
export const runtimeFlags = {
  runtime: stringFlag("name of the runtime", { default: RUNC, placeholder: "NAME" }),
  runcBinary: stringFlag("OCI runtime to use, by name or path (default: runc)", {
    placeholder: "PATH",
    completion: "files",
  }),
  runcRoot: stringFlag("directory in which the OCI runtime keeps its state", {
    placeholder: "DIR",
    completion: "directories",
  }),
  noPivot: booleanFlag("do not use pivot_root, for a root filesystem on a ramdisk"),
};

/** What the container's record says about it. Throws InvalidArgument. */
export async function runtimeOf(
  flags: FlagValues<typeof runtimeFlags>,
  systemdCgroup = false,
): Promise<NonNullable<NewContainer["runtime"]>> {
  const { runtime: name, runcBinary: binaryName, runcRoot: root, noPivot: noPivotRoot } = flags;
  const isRunc = name === RUNC;
  if (!isRunc && binaryName) {
    throw new CtrError("InvalidArgument", `--runc-binary goes with the runtime ${RUNC} only`);
  }
  if (!isRunc) return { name };
  const { encodeRuncOptions } = await import("../../client/spec.ts");
  return { name, options: encodeRuncOptions({ binaryName, root, noPivotRoot, systemdCgroup }) };
}
