import type { ContentStore, ContentWriter } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, hasCode, ifPresent } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import { isConfig, isIndex, isLayer, isManifest } from "../core/media-type.ts";
import type { ProgressListener } from "../core/progress.ts";
import type { Fetcher } from "../core/remotes.ts";

export interface FetchContext {
  content: ContentStore;
  fetcher: Fetcher;
  onProgress?: ProgressListener;
  /** Told of each blob that is fetched, with the ref of its ingest. */
  onFetch?: (ref: string, fetching: Promise<void>) => void;
  /** Told of the ingest of a blob that is not here, before it is made or gone on with. */
  onIngest?: (ref: string) => void;
  signal?: AbortSignal;
}

/** The name of a descriptor's ingest and progress row, containerd's: `layer-sha256:…`. */
export function refKey({ mediaType, digest }: Descriptor): string {
  if (isManifest(mediaType)) return `manifest-${digest}`;
  if (isIndex(mediaType)) return `index-${digest}`;
  if (isLayer(mediaType)) return `layer-${digest}`;
  if (isConfig(mediaType)) return `config-${digest}`;
  return `unknown-${digest}`;
}

/**
 * Brings a blob into the content store, from where an earlier ingest of it stopped. A blob whose bytes were lost is
 * fetched again. Throws what the fetcher throws, and DataLoss when the registry's bytes are not the descriptor's.
 */
export function fetchBlob(descriptor: Descriptor, labels: Labels, context: FetchContext): Promise<void> {
  const fetching = fetchWhole(descriptor, labels, context);
  context.onFetch?.(refKey(descriptor), fetching);
  return fetching;
}

async function fetchWhole(descriptor: Descriptor, labels: Labels, context: FetchContext): Promise<void> {
  const { fetcher, onProgress, signal } = context;
  const name = refKey(descriptor);
  await using writer = await openWriter(descriptor, labels, context);
  if (!writer) return onProgress?.({ name, state: "exists" });
  const resumedAt = writer.status().offset;
  let offset = resumedAt;
  for await (const chunk of fetcher.fetch(descriptor, { offset, signal })) {
    await writer.write(chunk);
    offset += chunk.length;
    onProgress?.({ name, state: "downloading", offset, total: descriptor.size });
  }
  const isCommitted = await commitOrDrop(writer, descriptor, labels, context, resumedAt > 0);
  if (!isCommitted) return fetchWhole(descriptor, labels, context);
  onProgress?.({ name, state: "done", offset, total: descriptor.size });
}

/** Answers whether it is committed; false when what an earlier ingest had left was not this blob's beginning. */
async function commitOrDrop(
  writer: ContentWriter,
  descriptor: Descriptor,
  labels: Labels,
  { content }: FetchContext,
  wasResumed: boolean,
): Promise<boolean> {
  try {
    await writer.commit({ size: descriptor.size, digest: descriptor.digest, labels });
    return true;
  } catch (error) {
    if (hasCode(error, "AlreadyExists")) return true;
    if (!hasCode(error, "FailedPrecondition")) throw error;
    await content.abort(refKey(descriptor));
    if (wasResumed) return false;
    throw new CtrError("DataLoss", `the registry's bytes for ${descriptor.digest}`, {
      cause: error,
      hint: "the registry or something on the way to it alters content; try another mirror",
    });
  }
}

/** Undefined when the blob is here already. Waits while another process fetches it. */
async function openWriter(
  descriptor: Descriptor,
  labels: Labels,
  context: FetchContext,
): Promise<ContentWriter | undefined> {
  const { content, onProgress, onIngest, signal } = context;
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 500)) {
    signal?.throwIfAborted();
    if (await isWhole(content, descriptor)) {
      await content.label(descriptor.digest, (current) => addSources(current, labels));
      return undefined;
    }
    onIngest?.(refKey(descriptor));
    try {
      const writer = await content.writer(refKey(descriptor), { expected: descriptor });
      if (writer.status().offset > descriptor.size) await writer.truncate();
      return writer;
    } catch (error) {
      if (hasCode(error, "AlreadyExists")) continue;
      if (!hasCode(error, "Unavailable")) throw error;
      onProgress?.({ name: refKey(descriptor), state: "waiting" });
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

/** A blob that several repositories have is labelled with all of them, sorted, so that a push can mount it from any. */
function addSources(current: Labels, labels: Labels): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => {
      if (!key.startsWith(`${labelNames.distributionSource}.`)) return [key, value];
      const known = current[key]?.split(",") ?? [];
      return [key, [...new Set([...known, value])].sort().join(",")];
    }),
  );
}

async function isWhole(content: ContentStore, { digest }: Descriptor): Promise<boolean> {
  const isSound = await ifPresent(() => content.verify(digest, { ifTouched: true }));
  if (isSound === false) await content.discardBytes(digest);
  return isSound === true;
}
