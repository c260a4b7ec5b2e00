import { resolve } from "node:path";
import type { ContainerSource } from "../../client/containers/create-container.ts";
import { CtrError } from "../../core/errors.ts";
import type { Platform } from "../../core/platform.ts";
import { MissingArgument, UsageError } from "../usage-error.ts";
import { booleanFlag, type FlagValues, listFlag, stringFlag } from "./flag.ts";
import { runtimeFlags } from "./runtime.ts";
import { snapshotterFlags } from "./snapshotter.ts";
import { specFlags } from "./spec.ts";

export const cniFlag = booleanFlag(
  "attach it at each start to the first network of /etc/cni/net.d (or $NETCONFPATH), by plugins of /opt/cni/bin and /usr/lib/cni (or $CNI_PATH)",
);

/** Flags that `run` and `containers create` share. */
export const newContainerFlags = {
  ...runtimeFlags,
  ...snapshotterFlags,
  snapshotterLabel: listFlag("label of the container's snapshot", { placeholder: "KEY=VALUE" }),
  ...specFlags,
  sandbox: stringFlag("refused: there are no sandboxes", { placeholder: "ID" }),
  cni: cniFlag,
};

export function isWantedCni({
  cni,
  netHost,
}: Pick<FlagValues<typeof newContainerFlags>, "cni" | "netHost">): boolean {
  if (cni && netHost) throw new UsageError("flags --cni and --net-host cannot be specified together");
  return cni;
}

export interface NamedContainer {
  source: ContainerSource;
  /** Undefined when the caller gave none. */
  id: string | undefined;
}

/**
 * What the positionals mean: `IMAGE [ID]`, `DIRECTORY [ID]` with --rootfs, `ID` with --config. `suffix` ends the
 * sentence about a missing one. Throws NotImplemented for a sandbox: ctr would record whatever is given, and then fail
 * to start.
 */
export function nameContainer(
  { config, rootfs, sandbox }: Pick<FlagValues<typeof newContainerFlags>, "config" | "rootfs" | "sandbox">,
  { image, container }: { image: string | undefined; container: string | undefined },
  { platform, suffix = "" }: { platform?: Platform; suffix?: string } = {},
): NamedContainer {
  if (sandbox) {
    throw new CtrError("NotImplemented", `sandbox ${JSON.stringify(sandbox)}`, {
      hint: "let containers share namespaces with --with-ns",
    });
  }
  if (config) {
    if (container !== undefined) {
      throw new CtrError("InvalidArgument", "with spec config file, only container id should be provided");
    }
    return { source: { kind: "file", path: config }, id: image || undefined };
  }
  if (!image) throw new MissingArgument(`image ref must be provided${suffix}`);
  if (container === "") throw new MissingArgument(`container id must be provided${suffix}`);
  const source: ContainerSource = rootfs
    ? { kind: "directory", path: resolve(image) }
    : { kind: "image", name: image, platform };
  return { source, id: container };
}
