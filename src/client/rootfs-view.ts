import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import type { Mount } from "../core/mount.ts";
import { mountAll, unmountAll } from "../sys/mount.ts";
import { parseMountOptions } from "../sys/mount-options.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../sys/open.ts";
import { openOverlay } from "../sys/overlay-mount.ts";
import { isSameProcessAlive, readProcessStat } from "../sys/process.ts";
import type { Client } from "./open.ts";

/**
 * Gives `work` a way to a path at which the mounts can be read; nothing is mounted before it is asked for. The mounts
 * hang nowhere: the kernel lets them go with their descriptor, also when this process is killed.
 */
export async function withRootfs<T>(
  client: Client,
  mounts: readonly Mount[],
  work: (openRootfs: () => Promise<string>) => Promise<T>,
): Promise<T> {
  let fd: number | undefined;
  try {
    return await work(async () => {
      fd ??= openRootfs(join(client.state, "mounts"), mounts);
      return `/proc/self/fd/${fd}`;
    });
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

function openRootfs(directory: string, mounts: readonly Mount[]): number {
  const [mount] = mounts;
  if (mounts.length === 1 && mount?.type === "bind")
    return openAt(AT_FDCWD, mount.source, O_PATH | O_DIRECTORY);
  if (mounts.length !== 1 || mount?.type !== "overlay") return openMounted(directory, mounts);
  try {
    return openOverlay({ source: mount.source, ...parseMountOptions(mount.options) });
  } catch (error) {
    if (!hasCode(error, "FailedPrecondition")) throw error;
    return openMounted(directory, mounts);
  }
}

/**
 * For kernels and kinds of mount that cannot be made without a place: mounted, held open and detached at once. What a
 * process left that was killed in between is removed by the next.
 */
function openMounted(parent: string, mounts: readonly Mount[]): number {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(parent)) {
    const [pid = 0, startTicks = 0] = name.split("-").map(Number);
    if (!isSameProcessAlive(pid, startTicks)) removePlace(join(parent, name));
  }
  const place = join(parent, `${process.pid}-${readProcessStat(process.pid)!.startTicks}`);
  mkdirSync(place, { mode: 0o700 });
  try {
    mountAll(mounts, place);
    return openAt(AT_FDCWD, place, O_PATH | O_DIRECTORY);
  } finally {
    removePlace(place);
  }
}

function removePlace(place: string): void {
  unmountAll(place);
  rmdirSync(place);
}
