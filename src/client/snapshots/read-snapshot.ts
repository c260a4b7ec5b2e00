import type { Mount } from "../../core/mount.ts";
import { randomHex } from "../../core/random.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import type { WorkLease } from "../lease.ts";

/** A committed snapshot has no mounts of its own: it is seen through a view, gone when `read` has ended. */
export async function withReading<T>(
  snapshotter: Snapshotter,
  key: string,
  lease: WorkLease,
  read: (mounts: readonly Mount[]) => Promise<T>,
): Promise<T> {
  if (key !== "" && (await snapshotter.stat(key)).kind !== "Committed") {
    return read(await snapshotter.mounts(key));
  }
  const view = `read-${randomHex(6)} ${key}`;
  lease.protect({ type: `snapshots/${snapshotter.name}`, id: view });
  const mounts = await snapshotter.view(view, key);
  try {
    return await read(mounts);
  } finally {
    await snapshotter.remove(view);
  }
}
