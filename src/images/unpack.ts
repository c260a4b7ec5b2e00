import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { labelNames } from "../core/labels.ts";
import { chainIds } from "../core/manifest.ts";
import { isLayer } from "../core/media-type.ts";
import { randomHex } from "../core/random.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import { type ChainContext, unpackChain } from "./unpack-chain.ts";
import type { UnpackedLayer } from "./unpack-link.ts";

export interface UnpackContext extends ChainContext {
  /** Told of snapshot keys before they exist, so that a lease holds them. */
  protect: (keys: readonly string[]) => void;
}

/**
 * Makes a committed snapshot of each layer, named by its chain ID (OCI image spec, config.md), and answers the
 * topmost, none for an image without layers. Each layer is started as soon as it has come, without waiting for those
 * below where the snapshotter can put it above them later. Snapshots that exist are left alone. Throws DataLoss when
 * a layer is not what the config's diff ID promises, InvalidArgument for a hostile layer, NotImplemented for one of
 * an unknown media type.
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
  refuseDeeper(layers.length, context.snapshotter);
  const chains = chainIds(diffIds);
  const links = layers.map((layer, at) => ({
    layer,
    diffId: diffIds[at]!,
    chain: chains[at]!,
    parent: chains[at - 1] ?? "",
    key: `extract-${randomHex(6)} ${chains[at]!}`,
  }));
  context.protect(links.flatMap(({ chain, key }) => [chain, key]));
  await unpackChain(links, context);
  for (const { layer, diffId } of links) {
    await layer.fetched;
    await context.content.label(layer.descriptor.digest, { [labelNames.uncompressed]: diffId });
  }
  const top = chains.at(-1);
  if (top)
    await context.content.label(configDigest, {
      [`${labelNames.gcRefSnapshot}.${context.snapshotter.name}`]: top,
    });
  return top;
}

/** Before the first is unpacked in vain. */
function refuseDeeper(layerCount: number, { name, maxDepth = Infinity }: Snapshotter): void {
  if (layerCount <= maxDepth) return;
  const words = `image has ${layerCount} layers (snapshotter ${name} takes at most ${maxDepth})`;
  throw new CtrError("FailedPrecondition", words, { hint: "use another snapshotter: --snapshotter native" });
}

/** Whatever it is, taking it for an archive would be a guess (STORE-006: filesystem images). */
function refuseUnknown({ mediaType, digest }: Descriptor): void {
  if (isLayer(mediaType)) return;
  throw new CtrError("NotImplemented", `media type ${JSON.stringify(mediaType)} of layer ${digest}`);
}
