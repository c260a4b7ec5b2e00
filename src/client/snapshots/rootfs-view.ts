import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { mountAll, unmountAll } from "../../sys/mount.ts";
import { parseMountOptions } from "../../sys/mount-options.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../../sys/open.ts";
import { openOverlay } from "../../sys/overlay-mount.ts";
import { isSameProcessAlive, readProcessStat } from "../../sys/process.ts";
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
      fd ??= openRootfs(viewPlaces(client), mounts, writes);
      return `/proc/self/fd/${fd}`;
    });
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

/** Where views are mounted that cannot be without a place. */
export const viewPlaces = ({ state }: Pick<Client, "state">): string => join(state, "mounts");

function openRootfs(directory: string, mounts: readonly Mount[], writes: boolean): number {
  const [mount] = mounts;
  if (mounts.length === 1 && mount?.type === "bind")
    return openAt(AT_FDCWD, mount.source, O_PATH | O_DIRECTORY);
  if (mounts.length !== 1 || mount?.type !== "overlay") return openMounted(directory, mounts);
  try {
    // Read-only where that does: letting go of one that is not syncs the whole disk.
    const options = writes ? mount.options : [...mount.options, "ro"];
    return openOverlay({ source: mount.source, ...parseMountOptions(options) });
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
  for (const place of abandonedPlaces(parent)) removePlace(place);
  const place = join(parent, ownName());
  mkdirSync(place, { mode: 0o700 });
  try {
    mountAll(mounts, place);
    return openAt(AT_FDCWD, place, O_PATH | O_DIRECTORY);
  } finally {
    removePlace(place);
  }
}

/** Says whose a place is. */
export const ownName = (): string => `${process.pid}-${readProcessStat(process.pid)!.startTicks}`;

/** Below `parent`, those whose process was killed. */
export function abandonedPlaces(parent: string): string[] {
  const isAbandoned = (name: string) => {
    const [pid = 0, startTicks = 0] = name.split("-").map(Number);
    return !isSameProcessAlive(pid, startTicks);
  };
  return listNames(parent)
    .filter(isAbandoned)
    .map((name) => join(parent, name));
}

/** Others may remove it at the same time. */
export function removePlace(place: string): void {
  unmountAll(place);
  try {
    rmdirSync(place);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw asSysError(error, place);
  }
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw asSysError(error, directory);
  }
}
