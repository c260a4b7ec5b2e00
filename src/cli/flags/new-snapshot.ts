import type { Mount } from "../../core/mount.ts";
import { writeOut } from "../output.ts";
import { formatMountCommands, formatMountsJson } from "../print/mounts.ts";
import { booleanFlag, type FlagValues, stringFlag } from "./flag.ts";
import { snapshotterFlags } from "./snapshotter.ts";

/** Of the commands that make an active snapshot. */
export const newSnapshotFlags = {
  ...snapshotterFlags,
  target: stringFlag("print the commands that mount it there", {
    alias: "t",
    placeholder: "DIR",
    completion: "directories",
  }),
  mounts: booleanFlag("print its mounts as JSON"),
};

export function printNewMounts(
  { target, mounts: wantsJson }: FlagValues<typeof newSnapshotFlags>,
  mounts: readonly Mount[],
): void {
  if (target) writeOut(formatMountCommands(mounts, target));
  if (wantsJson) writeOut(formatMountsJson(mounts));
}
