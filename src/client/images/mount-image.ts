import { realpathSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Digest } from "../../core/digest.ts";
import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import type { Platform } from "../../core/platform.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import { hasErrno } from "../../sys/errno.ts";
import { isMountPoint, mountAll } from "../../sys/mount.ts";
import { unmount } from "../../sys/unmount.ts";
import { sparedFromCollection } from "../locks.ts";
import type { Client } from "../open.ts";
import { findImage, openImage } from "./images.ts";
import { makeMountPoint, mountPoints } from "./mount-points.ts";
import { ensureUnpacked, type UnpackOptions } from "./unpack.ts";

export interface MountImageOptions extends UnpackOptions {
  /** An existing directory; without it one is made in the state directory. */
  target?: string;
  platform?: Platform;
  /** A snapshot of its own to write to, instead of a view. */
  isWritable?: boolean;
  /** Of the snapshot. */
  labels?: Labels;
  /** How long the collector spares the snapshot; 0 is for ever. */
  lifetimeMs: number;
}

export interface MountedImage {
  /** Of the image's topmost layer, empty for an image without layers. */
  chainId: Digest | "";
  target: string;
}

/**
 * Mounts an image's root filesystem, under a lease and a snapshot named by the target's absolute path. Doing it again
 * mounts the same snapshot once more. Throws NotFound for the image or the directory, FailedPrecondition when the
 * target's snapshot is of another image or another kind.
 */
export async function mountImage(
  client: Client,
  name: string,
  options: MountImageOptions,
): Promise<MountedImage> {
  const image = await openImage(client, await findImage(client, name), options.platform);
  const chainId = await ensureUnpacked(client, image, options);
  const target = options.target ?? makeMountPoint(client);
  const key = resolve(target);
  const snapshotter = await client.snapshotter(options.snapshotter);
  const { mounts, isNew } = await sparedFromCollection(client, async () => {
    const prepared = await prepareSnapshot(snapshotter, key, chainId, options);
    await createLease(client, key, snapshotter.name, options.lifetimeMs);
    return prepared;
  });
  try {
    mountAll(mounts, target);
    return { chainId, target };
  } catch (error) {
    if (isNew) await forget(client, key, options.snapshotter);
    if (!options.target) rmdirSync(target);
    throw error;
  }
}

async function createLease(
  client: Client,
  id: string,
  snapshotter: string,
  lifetimeMs: number,
): Promise<void> {
  const leases = await client.leases();
  try {
    leases.create({
      id,
      labels: { [`${labelNames.gcRefSnapshot}.${snapshotter}`]: id },
      expiresAt: lifetimeMs > 0 ? new Date(Date.now() + lifetimeMs) : undefined,
    });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
  }
  leases.addResource(id, { type: `snapshots/${snapshotter}`, id });
}

async function prepareSnapshot(
  snapshotter: Snapshotter,
  key: string,
  parent: string,
  { isWritable = false, labels = {} }: MountImageOptions,
): Promise<{ mounts: Mount[]; isNew: boolean }> {
  try {
    const mounts = isWritable
      ? await snapshotter.prepare(key, parent, { labels })
      : await snapshotter.view(key, parent, { labels });
    return { mounts, isNew: true };
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const found = await snapshotter.stat(key);
    if (found.parent === parent && found.kind === (isWritable ? "Active" : "View")) {
      return { mounts: await snapshotter.mounts(key), isNew: false };
    }
    const what =
      found.parent === parent ? `a snapshot of kind ${found.kind}` : "a snapshot of something else";
    throw new CtrError("FailedPrecondition", `${key} has ${what}`, {
      hint: `remove it with: ctr images unmount --rm ${key}`,
    });
  }
}

/** What is gone already is fine. */
async function forget(client: Client, key: string, snapshotter: string | undefined): Promise<void> {
  const leases = await client.leases();
  const snapshots = await client.snapshotter(snapshotter);
  ifPresent(() => leases.delete(key));
  await ifPresent(() => snapshots.remove(key));
}

/**
 * Takes away all that is mounted at the target, which may be nothing; with `isRemoved` its lease, its snapshot and
 * the directory that `mountImage` made as well. Throws a `SysError` with EBUSY while somebody uses the mount.
 */
export async function unmountImage(
  client: Client,
  target: string,
  { isRemoved = false, snapshotter }: { isRemoved?: boolean; snapshotter?: string } = {},
): Promise<void> {
  const place = existingPlace(target);
  while (place && isMountPoint(place)) unmount(place);
  if (!isRemoved) return;
  const key = resolve(target);
  await forget(client, key, snapshotter);
  if (place && dirname(key) === resolve(mountPoints(client))) rmdirSync(place);
}

function existingPlace(target: string): string | undefined {
  try {
    return realpathSync(target);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
