import type { ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Differ } from "../core/differ.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import { chainIds } from "../core/manifest.ts";
import { isLayer } from "../core/media-type.ts";
import type { ProgressListener } from "../core/progress.ts";
import { randomHex } from "../core/random.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import { refKey } from "./fetch-blob.ts";

export interface UnpackContext {
  content: ContentStore;
  snapshotter: Snapshotter;
  differ: Differ;
  /** Runs the task while no other process unpacks the same chain: what two would extract, one extracts. */
  exclusively: <T>(name: string, task: () => Promise<T>) => Promise<T>;
  /** Told of each snapshot key before it exists, so that a lease holds it. */
  protect: (key: string) => void;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface UnpackedLayer {
  descriptor: Descriptor;
  /** Settles when the layer's bytes are in the content store. */
  fetched: Promise<void>;
  /** Fetches bytes once more that turned out to be damaged; without it that is the end. */
  refetch?: () => Promise<void>;
}

/**
 * Makes a committed snapshot of each layer, named by its chain ID (OCI image spec, config.md), starting each layer as
 * soon as it has come, and answers the topmost, none for an image without layers. Snapshots that exist are left
 * alone. Throws DataLoss when a layer is not what the config's diff ID promises, InvalidArgument for a hostile layer,
 * NotImplemented for one of an unknown media type.
 */
export async function unpackImage(
  configDigest: Digest,
  diffIds: readonly Digest[],
  layers: readonly UnpackedLayer[],
  context: UnpackContext,
): Promise<Digest | undefined> {
  if (layers.length !== diffIds.length) {
    throw new CtrError("InvalidArgument", `image has ${layers.length} layers but ${diffIds.length} diff IDs`);
  }
  for (const { descriptor } of layers) refuseUnknown(descriptor);
  const chains = chainIds(diffIds);
  let parent = "";
  for (const [at, layer] of layers.entries()) {
    const chain = chains[at]!;
    await layer.fetched;
    await context.exclusively(`unpack-${context.snapshotter.name}-${chain}`, () =>
      unpackSound(layer, diffIds[at]!, parent, chain, context),
    );
    await context.content.label(layer.descriptor.digest, { [labelNames.uncompressed]: diffIds[at]! });
    parent = chain;
  }
  const top = chains.at(-1);
  if (top)
    await context.content.label(configDigest, {
      [`${labelNames.gcRefSnapshot}.${context.snapshotter.name}`]: top,
    });
  return top;
}

/** Whatever it is, taking it for an archive would be a guess (STORE-006: filesystem images). */
function refuseUnknown({ mediaType, digest }: Descriptor): void {
  if (isLayer(mediaType)) return;
  throw new CtrError("NotImplemented", `media type ${JSON.stringify(mediaType)} of layer ${digest}`);
}

/** Bytes that an earlier pull brought can have been damaged since. */
async function unpackSound(
  layer: UnpackedLayer,
  ...[diffId, parent, chain, context]: [Digest, string, Digest, UnpackContext]
): Promise<void> {
  const { digest } = layer.descriptor;
  try {
    await unpackLayer(layer.descriptor, diffId, parent, chain, context);
  } catch (error) {
    if (!layer.refetch || !hasCode(error, "DataLoss") || (await context.content.verify(digest))) throw error;
    await layer.refetch();
    await unpackLayer(layer.descriptor, diffId, parent, chain, context);
  }
}

async function unpackLayer(
  layer: Descriptor,
  diffId: Digest,
  parent: string,
  chain: Digest,
  context: UnpackContext,
): Promise<void> {
  const { snapshotter } = context;
  context.protect(chain);
  const found = await committedState(snapshotter, chain);
  if (found === "intact") return;
  const key = `extract-${randomHex(6)} ${chain}`;
  context.protect(key);
  // What has lost its bytes is there already, so that nothing may be offered in its place.
  const labels: Labels = found === "lost" ? {} : { [labelNames.snapshotRef]: chain };
  try {
    const mounts = await snapshotter.prepare(key, parent, { labels });
    const applied = await applyLayer(layer, mounts, context);
    if (applied.digest !== diffId) {
      throw new CtrError(
        "DataLoss",
        `wrong diff id ${applied.digest} of layer ${layer.digest}, expected ${diffId}`,
      );
    }
    await snapshotter.commit(chain, key);
  } catch (error) {
    await discard(snapshotter, key);
    if (!hasCode(error, "AlreadyExists") || (await committedState(snapshotter, chain)) !== "intact")
      throw error;
  }
  context.onProgress?.({ name: refKey(layer), state: "done" });
}

function applyLayer(layer: Descriptor, mounts: Parameters<Differ["apply"]>[1], context: UnpackContext) {
  const { onProgress, signal } = context;
  const name = refKey(layer);
  return context.differ.apply(layer, mounts, {
    signal,
    onProgress: onProgress && ((offset) => onProgress({ name, state: "unpacking", offset })),
  });
}

/** `lost`: there is a record of it, but its bytes, or a parent's, are gone from the disk. */
export async function committedState(
  snapshotter: Snapshotter,
  name: string,
): Promise<"absent" | "lost" | "intact"> {
  try {
    if ((await snapshotter.stat(name)).kind !== "Committed") return "absent";
    return (await snapshotter.isIntact?.(name)) === false ? "lost" : "intact";
  } catch (error) {
    if (hasCode(error, "NotFound")) return "absent";
    throw error;
  }
}

async function discard(snapshotter: Snapshotter, key: string): Promise<void> {
  try {
    await snapshotter.remove(key);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
  }
}
