import type { ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { AppliedLayer, Differ } from "../core/differ.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError, hasCode, ifPresent } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import type { Mount } from "../core/mount.ts";
import type { ProgressListener } from "../core/progress.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import { committedState } from "./committed-state.ts";
import { refKey } from "./fetch-blob.ts";

export interface LinkContext {
  content: ContentStore;
  snapshotter: Snapshotter;
  differ: Pick<Differ, "apply" | "settle">;
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

/** A layer in its place: `parent` is the chain ID of those below, `key` names the snapshot it is extracted into. */
export interface ChainLink {
  layer: UnpackedLayer;
  diffId: Digest;
  chain: Digest;
  parent: string;
  key: string;
}

/** A link on its way, as the one above it sees it. */
export interface LinkUnderWay {
  key: string;
  /** Settles when its snapshot is what it will be committed as, but for what the disk does not have yet. */
  extracted: Promise<void>;
  committed: Promise<void>;
}

/** The mounts of a snapshot above its parent; or it is to be extracted apart, and put above the parent later. */
type Begun = readonly Mount[] | "apart";

/** Finds the link's snapshot or begins one. `below` is undefined when there is nothing to wait for. */
export async function beginLink(
  link: ChainLink,
  below: LinkUnderWay | undefined,
  { snapshotter }: LinkContext,
): Promise<Begun | "exists"> {
  const { chain, key, parent } = link;
  if (below && snapshotter.putAbove && (await committedState(snapshotter, chain)) === "absent")
    return "apart";
  await below?.committed;
  const state = await committedState(snapshotter, chain);
  if (state === "intact") return "exists";
  // What has lost its bytes is there already, so that nothing may be offered in its place.
  const labels: Labels = state === "lost" ? {} : { [labelNames.snapshotRef]: chain };
  try {
    return await snapshotter.prepare(key, parent, { labels });
  } catch (error) {
    if (await isHadElsewhere(error, chain, snapshotter)) return "exists";
    throw error;
  }
}

/**
 * Extracts the layer and commits it once `below` is committed. What failed apart is tried again above its parent, and
 * bytes that an earlier pull brought and that were damaged since are fetched again.
 */
export function finishLink(
  link: ChainLink,
  begun: Begun,
  below: LinkUnderWay | undefined,
  context: LinkContext,
): LinkUnderWay {
  const extracted = Promise.withResolvers<void>();
  // Nobody may be above.
  extracted.promise.catch(() => {});
  const committed = extractAndCommit(link, begun, below, { ...context, onExtracted: extracted.resolve });
  committed.then(extracted.resolve, extracted.reject);
  return { key: link.key, extracted: extracted.promise, committed };
}

interface ExtractContext extends LinkContext {
  onExtracted: () => void;
}

async function extractAndCommit(
  link: ChainLink,
  begun: Begun,
  below: LinkUnderWay | undefined,
  context: ExtractContext,
): Promise<void> {
  await comeIn(link, context);
  let isExtracted = false;
  const onExtracted = () => {
    isExtracted = true;
    context.onExtracted();
  };
  try {
    return await unpackLink(link, begun, below, { ...context, onExtracted });
  } catch (error) {
    // Others may be above it by now.
    if (isExtracted) throw error;
    const needsParent = begun === "apart" && hasCode(error, "InvalidArgument", "FailedPrecondition");
    if (!needsParent) await refetchDamaged(link.layer, error, context);
  }
  await below?.committed;
  const again = await beginLink(link, undefined, context);
  if (again !== "exists") await unpackLink(link, again, undefined, context);
}

/** Waits for the layer's bytes, which may never come once the signal is given. */
async function comeIn({ layer, key }: ChainLink, { snapshotter, signal }: LinkContext): Promise<void> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal?.reason);
  signal?.addEventListener("abort", stop);
  try {
    signal?.throwIfAborted();
    await Promise.race([layer.fetched, stopped.promise]);
  } catch (error) {
    await ifPresent(() => snapshotter.remove(key));
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Throws the error when it is not about the layer's bytes, or there is no way to get them again. */
async function refetchDamaged(
  { descriptor, refetch }: UnpackedLayer,
  error: unknown,
  { content }: LinkContext,
): Promise<void> {
  if (!refetch || !hasCode(error, "DataLoss") || (await content.verify(descriptor.digest))) throw error;
  await refetch();
}

/** Leaves no snapshot of its own behind when it fails. */
async function unpackLink(
  link: ChainLink,
  begun: Begun,
  below: LinkUnderWay | undefined,
  context: ExtractContext,
): Promise<void> {
  const { snapshotter, differ, onExtracted } = context;
  const { chain, key, parent } = link;
  try {
    if (begun !== "apart") {
      await applyLayer(link, begun, context);
      onExtracted();
      await snapshotter.commit(chain, key, { isDurable: true });
    } else {
      const labels = { [labelNames.snapshotRef]: chain };
      const apart = await snapshotter.prepare(key, "", { labels, isApart: true });
      const { unsettled, isDurable } = await applyLayer(link, apart, context);
      const above = await putAbove(link, below!, snapshotter);
      if (unsettled.length > 0) await differ.settle(above, unsettled);
      onExtracted();
      if (!isDurable || unsettled.length > 0) await snapshotter.sync!(key);
      await below!.committed;
      await snapshotter.commit(chain, key, { parent, isDurable: true });
    }
  } catch (error) {
    await ifPresent(() => snapshotter.remove(key));
    if (!(await isHadElsewhere(error, chain, snapshotter))) throw error;
  }
  context.onProgress?.({ name: refKey(link.layer.descriptor), state: "done" });
}

/** Above what is below as that is now: extracted, or committed already, by us or by somebody else. */
async function putAbove(
  { key, parent }: ChainLink,
  below: LinkUnderWay,
  snapshotter: Snapshotter,
): Promise<readonly Mount[]> {
  await below.extracted;
  try {
    return await snapshotter.putAbove!(key, below.key);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
  }
  await below.committed;
  return snapshotter.putAbove!(key, parent);
}

async function applyLayer(
  { layer: { descriptor }, diffId }: ChainLink,
  mounts: readonly Mount[],
  { differ, onProgress, signal }: LinkContext,
): Promise<AppliedLayer> {
  const name = refKey(descriptor);
  const applied = await differ.apply(descriptor, mounts, {
    signal,
    onProgress: onProgress && ((offset) => onProgress({ name, state: "unpacking", offset })),
  });
  if (applied.digest === diffId) return applied;
  const what = `wrong diff id ${applied.digest} of layer ${descriptor.digest}, expected ${diffId}`;
  throw new CtrError("DataLoss", what);
}

/** Somebody else can have committed the same chain meanwhile. */
async function isHadElsewhere(error: unknown, chain: Digest, snapshotter: Snapshotter): Promise<boolean> {
  return hasCode(error, "AlreadyExists") && (await committedState(snapshotter, chain)) === "intact";
}
