import type { Digest } from "../core/digest.ts";
import { chainIds } from "../core/manifest.ts";
import type { ProgressListener } from "../core/progress.ts";
import type { LocalImage } from "../images/read-image.ts";
import { committedState, type UnpackContext, unpackImage } from "../images/unpack.ts";
import { type WorkLease, withLease } from "./lease.ts";
import { exclusively } from "./locks.ts";
import type { Client } from "./open.ts";

export interface UnpackOptions {
  snapshotter?: string;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/** Everything that unpacking needs of this client, its snapshots held by the lease. */
export async function unpackContext(
  client: Client,
  lease: WorkLease,
  { snapshotter: name, onProgress, signal }: UnpackOptions,
): Promise<UnpackContext> {
  const snapshotter = await client.snapshotter(name);
  return {
    content: await client.content(),
    snapshotter,
    differ: await client.differ(),
    exclusively: (lockName, task) => exclusively(client, lockName, task),
    protect: (key) => lease.protect({ type: `snapshots/${snapshotter.name}`, id: key }),
    onProgress,
    signal,
  };
}

/** The chain ID of the image's topmost layer, empty for an image without layers; unpacks what is not unpacked yet. */
export async function ensureUnpacked(
  client: Client,
  image: LocalImage,
  options: UnpackOptions,
): Promise<Digest | ""> {
  const diffIds = image.config.diffIds;
  const top = chainIds(diffIds).at(-1);
  if (!top) return "";
  const snapshotter = await client.snapshotter(options.snapshotter);
  if ((await committedState(snapshotter, top)) === "intact") return top;
  const layers = image.manifest.layers.map((descriptor) => ({ descriptor, fetched: Promise.resolve() }));
  await withLease(client, async (lease) =>
    unpackImage(image.manifest.config.digest, diffIds, layers, await unpackContext(client, lease, options)),
  );
  return top;
}
