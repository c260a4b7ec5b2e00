import type { ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Differ } from "../core/differ.ts";
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

/** The mounts of a snapshot above its parent; or it is to be extracted apart, and put above the parent later. */
type Begun = readonly Mount[] | "apart";

/**
 * Finds the link's snapshot or begins one. `below` is the unpacking of the layer below; undefined when there is nothing
 * to wait for.
 */
export async function beginLink(
  link: ChainLink,
  below: Promise<void> | undefined,
  { snapshotter }: LinkContext,
): Promise<Begun | "exists"> {
  const { chain, key, parent } = link;
  if (below && snapshotter.rebase && (await committedState(snapshotter, chain)) === "absent") return "apart";
  await below;
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
export async function finishLink(
  link: ChainLink,
  begun: Begun,
  below: Promise<void> | undefined,
  context: LinkContext,
): Promise<void> {
  await comeIn(link, context);
  try {
    return await unpackLink(link, begun, below, context);
  } catch (error) {
    const needsParent = begun === "apart" && hasCode(error, "InvalidArgument", "FailedPrecondition");
    if (!needsParent) await refetchDamaged(link.layer, error, context);
  }
  await below;
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
  below: Promise<void> | undefined,
  context: LinkContext,
): Promise<void> {
  const { snapshotter, differ } = context;
  const { chain, key, parent } = link;
  try {
    const mounts =
      begun === "apart"
        ? await snapshotter.prepare(key, "", { labels: { [labelNames.snapshotRef]: chain }, isApart: true })
        : begun;
    const unsettled = await applyLayer(link, mounts, context);
    await below;
    if (begun === "apart") {
      const above = await snapshotter.rebase!(key, parent);
      if (unsettled.length > 0) await differ.settle(above, unsettled);
    }
    await snapshotter.commit(chain, key, { isDurable: true });
  } catch (error) {
    await ifPresent(() => snapshotter.remove(key));
    if (!(await isHadElsewhere(error, chain, snapshotter))) throw error;
  }
  context.onProgress?.({ name: refKey(link.layer.descriptor), state: "done" });
}

/** Answers what is left unsettled. */
async function applyLayer(
  { layer: { descriptor }, diffId }: ChainLink,
  mounts: readonly Mount[],
  { differ, onProgress, signal }: LinkContext,
): Promise<readonly string[]> {
  const name = refKey(descriptor);
  const { digest, unsettled } = await differ.apply(descriptor, mounts, {
    signal,
    onProgress: onProgress && ((offset) => onProgress({ name, state: "unpacking", offset })),
  });
  if (digest === diffId) return unsettled;
  throw new CtrError("DataLoss", `wrong diff id ${digest} of layer ${descriptor.digest}, expected ${diffId}`);
}

/** Somebody else can have committed the same chain meanwhile. */
async function isHadElsewhere(error: unknown, chain: Digest, snapshotter: Snapshotter): Promise<boolean> {
  return hasCode(error, "AlreadyExists") && (await committedState(snapshotter, chain)) === "intact";
}
