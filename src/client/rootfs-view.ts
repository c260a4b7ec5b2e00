import { randomBytes } from "node:crypto";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "../core/mount.ts";
import { mountAll, unmountAll } from "../sys/mount.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../sys/open.ts";
import type { Client } from "./open.ts";

/**
 * Gives `work` a way to a path at which the mounts can be read; nothing is mounted before it is asked for. Mounts are
 * detached from the tree as soon as they are held open, so that a process killed here leaves none: the kernel lets
 * them go with the descriptor.
 */
export async function withRootfs<T>(
  client: Client,
  mounts: readonly Mount[],
  work: (openRootfs: () => Promise<string>) => Promise<T>,
): Promise<T> {
  let fd: number | undefined;
  try {
    return await work(async () => {
      fd ??= openDetached(join(client.state, "mounts"), mounts);
      return `/proc/self/fd/${fd}`;
    });
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

function openDetached(parent: string, mounts: readonly Mount[]): number {
  const directory = join(parent, randomBytes(8).toString("hex"));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    mountAll(mounts, directory);
    return openAt(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
  } finally {
    unmountAll(directory);
    rmdirSync(directory);
  }
}
