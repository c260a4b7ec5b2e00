import { resolve } from "node:path";
import type { ContainerSource } from "../../client/containers.ts";
import { CtrError } from "../../core/errors.ts";
import type { Platform } from "../../core/platform.ts";
import { MissingArgument } from "../usage-error.ts";
import { type FlagValues, listFlag } from "./flag.ts";
import { runtimeFlags } from "./runtime.ts";
import { snapshotterFlags } from "./snapshotter.ts";
import { specFlags } from "./spec.ts";

/** Flags that `run` and `containers create` share. */
export const newContainerFlags = {
  ...runtimeFlags,
  ...snapshotterFlags,
  snapshotterLabel: listFlag("label of the container's snapshot", { placeholder: "KEY=VALUE" }),
  ...specFlags,
};

export interface NamedContainer {
  source: ContainerSource;
  /** Undefined when the caller gave none. */
  id: string | undefined;
}

/**
 * What the positionals mean: `IMAGE [ID]`, `DIRECTORY [ID]` with --rootfs, `ID` with --config. `suffix` ends the
 * sentence about a missing one.
 */
export function nameContainer(
  { config, rootfs }: Pick<FlagValues<typeof specFlags>, "config" | "rootfs">,
  { image, container }: { image: string | undefined; container: string | undefined },
  { platform, suffix = "" }: { platform?: Platform; suffix?: string } = {},
): NamedContainer {
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
