import { hasCode } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import { claimMountPlace } from "../../files/places.ts";
import { mountAll } from "../../sys/mount.ts";
import { parseMountOptions } from "../../sys/mount-options.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../../sys/open.ts";
import { openOverlay } from "../../sys/overlay-mount.ts";
import { mountPlaces } from "../mount-places.ts";
import type { Client } from "../open.ts";

/**
 * Gives `work` a way to a path at which the mounts can be read, or changed where it `writes`; nothing is mounted before
 * it is asked for. The mounts hang nowhere: the kernel lets them go with their descriptor, also when this process is
 * killed.
 */
export async function withRootfs<T>(
  client: Client,
  mounts: readonly Mount[],
  work: (openRootfs: () => Promise<string>) => Promise<T>,
  { writes = false } = {},
): Promise<T> {
  let fd: number | undefined;
  try {
    return await work(async () => {
      fd ??= openRootfs(mountPlaces(client), mounts, writes);
      return `/proc/self/fd/${fd}`;
    });
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

function openRootfs(places: string, mounts: readonly Mount[], writes: boolean): number {
  const [mount] = mounts;
  if (mounts.length === 1 && mount?.type === "bind")
    return openAt(AT_FDCWD, mount.source, O_PATH | O_DIRECTORY);
  if (mounts.length !== 1 || mount?.type !== "overlay") return openMounted(places, mounts);
  try {
    // Read-only where that does: letting go of one that is not syncs the whole disk.
    const options = writes ? mount.options : [...mount.options, "ro"];
    return openOverlay({ source: mount.source, ...parseMountOptions(options) });
  } catch (error) {
    if (!hasCode(error, "FailedPrecondition")) throw error;
    return openMounted(places, mounts);
  }
}

/** For kernels and kinds of mount that cannot be made without a place: mounted, held open and detached at once. */
function openMounted(places: string, mounts: readonly Mount[]): number {
  using place = claimMountPlace(places);
  mountAll(mounts, place.path);
  return openAt(AT_FDCWD, place.path, O_PATH | O_DIRECTORY);
}
