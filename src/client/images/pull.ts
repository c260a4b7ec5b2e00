import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError, ifPresent } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import { createLimiter } from "../../core/limiter.ts";
import { formatPlatform, hostPlatform, type Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import type { Image } from "../../core/records.ts";
import { parseReference, type Reference } from "../../core/reference.ts";
import type { Fetcher, Resolver } from "../../core/remotes.ts";
import { type FetchedManifest, fetchImage, isUnpackable } from "../../images/fetch-image.ts";
import { unpackImage } from "../../images/unpack.ts";
import { collectGarbage, collectInBackground } from "../collect.ts";
import { giveUpWork, isPassing, type WorkLease, withImageLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { unpackContext } from "./unpack.ts";

/** Wide enough to hide a registry's latency, narrow enough to leave its bandwidth to the layers needed first. */
const CONCURRENT_DOWNLOADS = 6;

export interface PullOptions {
  resolver: Resolver;
  /** Default: the host's. */
  platforms?: readonly Platform[] | "all";
  allMetadata?: boolean;
  /** Indexes, manifests and configs alone. */
  withoutLayers?: boolean;
  /** Fetches and records, and leaves the layers as they came. */
  withoutUnpacking?: boolean;
  snapshotter?: string;
  /** Of the image's record; they replace those of an earlier pull. */
  labels?: Labels;
  maxConcurrentDownloads?: number;
  onProgress?: ProgressListener;
  /** Told as each platform's layers begin to be unpacked. */
  onUnpacking?: (platform: string, target: Digest) => void;
  signal?: AbortSignal;
}

export interface PulledImage {
  image: Image;
  /** One for each platform unpacked, with the chain ID of its topmost layer. */
  unpacked: { platform: string; chainId: Digest | undefined }[];
}

/**
 * Resolves, fetches, verifies and unpacks an image, then records it: until then the name stays what it was. Bytes
 * fetched before a passing failure, or a kill, are kept for the next pull; after any other failure nothing is left.
 */
export async function pull(client: Client, ref: string, options: PullOptions): Promise<PulledImage> {
  const { onProgress, signal } = options;
  const reference = parseReference(ref);
  onProgress?.({ name: reference.name, state: "resolving" });
  const { target } = await options.resolver.resolve(reference.name, signal);
  onProgress?.({ name: reference.name, state: "resolved" });
  return bring(client, reference, target, options, async (unpacked) => {
    const image = await recordImage(client, reference.name, target, options.labels ?? {});
    return { image, unpacked };
  });
}

/**
 * A pull without its beginning and end: fetches and unpacks what is missing of `target`, under a lease that lasts
 * until `use` has made something refer to it.
 */
export async function bring<T>(
  client: Client,
  source: Reference,
  target: Descriptor,
  options: PullOptions,
  use: (unpacked: PulledImage["unpacked"]) => Promise<T>,
): Promise<T> {
  const labels = { [`${labelNames.distributionSource}.${source.host}`]: source.path };
  const fetcher = options.resolver.fetcher(source.name);
  const failure = new AbortController();
  const signals = [failure.signal, ...(options.signal ? [options.signal] : [])];
  const stoppable = { ...options, signal: AbortSignal.any(signals) };
  const fetches: Fetches = new Map();
  const metadata = await client.metadata();
  const work = async (lease: WorkLease) => {
    lease.protect({ type: "content", id: target.digest });
    const manifests = await fetchManifests(client, target, { fetcher, labels, fetches, lease }, stoppable);
    const unpacked = await unpackManifests(client, target, manifests, lease, stoppable);
    deferral[Symbol.dispose]();
    return use(unpacked);
  };
  using deferral = metadata.deferDurability();
  try {
    const result = await withImageLease(client, source.name, work);
    await giveUpWork(client, source.name);
    return result;
  } catch (error) {
    failure.abort();
    if (!isPassing(error)) {
      await dropUnfinished(client, fetches);
      await collectGarbage(client);
    }
    throw error;
  }
}

/** Each blob's ref, with its way into the content store. */
type Fetches = Map<string, Promise<void>>;

/** Waits until all have stopped; an ingest that somebody else goes on with by now is left to them. */
async function dropUnfinished(client: Client, fetches: Fetches): Promise<void> {
  const content = await client.content();
  const drop = async ([ref, fetching]: [string, Promise<void>]) => fetching.catch(() => content.abort(ref));
  await Promise.allSettled([...fetches].map(drop));
}

async function fetchManifests(
  client: Client,
  target: Descriptor,
  way: { fetcher: Fetcher; labels: Labels; fetches: Fetches; lease: WorkLease },
  options: PullOptions,
): Promise<FetchedManifest[]> {
  return fetchImage(target, {
    content: await client.content(),
    fetcher: way.fetcher,
    labels: way.labels,
    onFetch: (ref, fetching) => way.fetches.set(ref, fetching),
    onIngest: (ref) => way.lease.protect({ type: "ingests", id: ref }),
    platforms: options.platforms ?? [hostPlatform()],
    allMetadata: options.allMetadata ?? false,
    withoutLayers: options.withoutLayers,
    limit: createLimiter(options.maxConcurrentDownloads || CONCURRENT_DOWNLOADS),
    onProgress: options.onProgress,
    signal: options.signal,
  });
}

async function unpackManifests(
  client: Client,
  target: Descriptor,
  manifests: readonly FetchedManifest[],
  lease: WorkLease,
  options: PullOptions,
): Promise<PulledImage["unpacked"]> {
  const context = await unpackContext(client, lease, options);
  const unpacked: PulledImage["unpacked"] = [];
  for (const fetched of manifests) {
    if (!options.withoutUnpacking && fetched.layers.length > 0 && isUnpackable(fetched)) {
      const platform = formatPlatform(fetched.platform!);
      options.onUnpacking?.(platform, target.digest);
      const { config, manifest, layers } = fetched;
      const chainId = await unpackImage(manifest.config.digest, config!.diffIds, layers, context);
      unpacked.push({ platform, chainId });
    }
    await Promise.all(fetched.layers.map((layer) => layer.fetched));
  }
  return unpacked;
}

async function recordImage(client: Client, name: string, target: Descriptor, labels: Labels): Promise<Image> {
  const metadata = await client.metadata();
  const images = await client.images();
  const { mediaType, digest, size } = target;
  const draft = { name, target: { mediaType, digest, size }, labels };
  let isMoved = false;
  const replace = () =>
    images.update(name, ({ target }) => {
      isMoved = target.digest !== digest;
      return draft;
    });
  const image = metadata.transaction(() => ifPresent(replace) ?? images.create(draft));
  // What the name stood for before may have no other.
  if (isMoved) collectInBackground(client);
  return image;
}

/** The platforms that `--platform` and `--all-platforms` ask for. Throws InvalidArgument for both at once. */
export function wantedPlatforms(named: readonly Platform[], all: boolean): readonly Platform[] | "all" {
  if (all && named.length > 0) {
    throw new CtrError("InvalidArgument", "--platform and --all-platforms cannot be used together");
  }
  if (all) return "all";
  return named.length > 0 ? named : [hostPlatform()];
}
