import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { randomHex } from "../../core/random.ts";
import { listNames } from "../../files/list-names.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { mountPointsBelow } from "../../sys/mount.ts";
import type { Client } from "../open.ts";

/** Directories where images are mounted whose users named none. A mount does not outlive the boot, and neither do these. */
export const mountPoints = ({ state }: Pick<Client, "state">): string => join(state, "image-mounts");

export function makeMountPoint(client: Client): string {
  const path = join(mountPoints(client), randomHex(6));
  try {
    mkdirSync(mountPoints(client), { recursive: true, mode: 0o711 });
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
  return path;
}

export interface MountPoint {
  path: string;
  changedAt: Date;
}

/** Those where nothing is mounted, nor could be again, since no snapshot bears their name any more. */
export async function unusedMountPoints(client: Client): Promise<MountPoint[]> {
  const home = mountPoints(client);
  const names = listNames(home);
  const mounted = new Set(names.length > 0 ? mountPointsBelow(home) : []);
  const bare = names.map((name) => join(home, name)).filter((path) => !mounted.has(path));
  if (bare.length === 0) return [];
  const { snapshots } = await (await client.metadata()).holdings();
  const keys = new Set(snapshots.map(({ key }) => key));
  return bare.flatMap((path) => {
    const changedAt = statSync(path, { throwIfNoEntry: false })?.mtime;
    return changedAt && !keys.has(path) ? [{ path, changedAt }] : [];
  });
}

/** Unless something has been mounted there, or somebody has removed it. */
export function removeMountPoint(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasErrno(error, "ENOENT", "EBUSY", "ENOTEMPTY")) throw asSysError(error, path);
  }
}
