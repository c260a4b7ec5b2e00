import type { Digest } from "../../core/digest.ts";
import { chainIds } from "../../core/manifest.ts";
import type { ProgressListener } from "../../core/progress.ts";
import { committedState } from "../../images/committed-state.ts";
import type { LocalImage } from "../../images/read-image.ts";
import type { UnpackContext } from "../../images/unpack.ts";
import { type WorkLease, withLease } from "../lease.ts";
import { claimLock } from "../locks.ts";
import type { Client } from "../open.ts";

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
    claim: (chain, signal) => claimLock(client, `unpack-${snapshotter.name}-${chain}`, signal),
    protect: (keys) => lease.protect(...keys.map((id) => ({ type: `snapshots/${snapshotter.name}`, id }))),
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
  const { unpackImage } = await import("../../images/unpack.ts");
  const layers = image.manifest.layers.map((descriptor) => ({ descriptor, fetched: Promise.resolve() }));
  const metadata = await client.metadata();
  await withLease(client, async (lease) => {
    using _ = metadata.deferDurability();
    const context = await unpackContext(client, lease, options);
    return unpackImage(image.manifest.config.digest, diffIds, layers, context);
  });
  return top;
}
