import type { Descriptor } from "../core/descriptor.ts";
import { CtrError } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import { createLimiter, type Limiter } from "../core/limiter.ts";
import {
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isImageConfig,
  MAX_DOCUMENT_BYTES,
  parseImageConfig,
  parseIndex,
  parseManifest,
  selectManifests,
} from "../core/manifest.ts";
import { isConfig, isIndex, isLayer, isManifest } from "../core/media-type.ts";
import { formatPlatform, listPlatforms, type Platform } from "../core/platform.ts";
import { type FetchContext, fetchBlob, refKey } from "./fetch-blob.ts";
import { fetchDocument } from "./fetch-document.ts";
import type { UnpackedLayer } from "./unpack-link.ts";

/** Indexes in indexes deeper than this are refused; real ones have one level, or two with attestations. */
const MAX_INDEX_DEPTH = 8;
/** Indexes, manifests and configs of one image are held in memory together; real ones take some kilobytes each. */
const MAX_DOCUMENTS_BYTES = 2 * MAX_DOCUMENT_BYTES;
const CONCURRENT_DOCUMENTS = 6;

export interface FetchImageOptions extends FetchContext {
  /** Which manifests of an index are wanted; a lone manifest is taken whatever its platform. */
  platforms: readonly Platform[] | "all";
  /** Also the manifests and configs of the other platforms, without their layers. */
  allMetadata: boolean;
  /** Indexes, manifests and configs alone. */
  withoutLayers?: boolean;
  /** Labels for every blob: where it came from. */
  labels: Labels;
  limit: Limiter;
}

/** One manifest of the image. Its layers are still on their way when this is answered. */
export interface FetchedManifest {
  descriptor: Descriptor;
  manifest: ImageManifest;
  /** Undefined for an artifact, whose config is no image config. */
  config?: ImageConfig;
  platform?: Platform;
  layers: UnpackedLayer[];
}

/**
 * Walks from the target through indexes and manifests and starts fetching what they name, as many blobs side by side
 * as `limit` lets. Answers once all documents are here; the layers' promises say when each layer is. What is neither
 * index nor manifest, as the parts of a checkpoint, is fetched as it is. Throws NotFound when an index has nothing for
 * a wanted platform.
 */
export async function fetchImage(target: Descriptor, options: FetchImageOptions): Promise<FetchedManifest[]> {
  const walk: Walk = {
    ...options,
    visited: new Set(),
    documentLimit: createLimiter(CONCURRENT_DOCUMENTS),
    documentBytes: 0,
  };
  if (isManifest(target.mediaType)) return [await fetchManifest(target, true, walk)];
  if (isIndex(target.mediaType)) return fetchIndex(target, 1, walk);
  await fetchBlob(target, options.labels, options);
  return [];
}

interface Walk extends FetchImageOptions {
  /** Digests, and whether with layers: indexes can name the same ones over and over, each is fetched once. */
  readonly visited: Set<string>;
  readonly documentLimit: Limiter;
  documentBytes: number;
}

function isVisited(walk: Walk, { digest }: Descriptor, withLayers: boolean): boolean {
  const key = `${digest} ${withLayers}`;
  if (walk.visited.has(key)) return true;
  walk.visited.add(key);
  return false;
}

async function fetchIndex(descriptor: Descriptor, depth: number, options: Walk): Promise<FetchedManifest[]> {
  if (depth > MAX_INDEX_DEPTH) {
    throw new CtrError(
      "InvalidArgument",
      `index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} deep`,
    );
  }
  const bytes = await fetchOne(
    descriptor,
    (document) => indexLabels(parseIndex(document, descriptor)),
    options,
  );
  const { manifests } = parseIndex(bytes, descriptor);
  const wanted = options.platforms === "all" ? manifests : selectManifests(manifests, options.platforms);
  if (wanted.length === 0) throw noSuchPlatform(descriptor, manifests, options.platforms);
  for (const child of wanted) options.onProgress?.({ name: refKey(child), state: "waiting" });
  const withLayers = new Set(wanted);
  const children = options.allMetadata ? manifests : wanted;
  const fetched = await Promise.all(
    children.map(async (child) => {
      const isWanted = withLayers.has(child);
      if (isVisited(options, child, isWanted)) return [];
      if (isIndex(child.mediaType)) return fetchIndex(child, depth + 1, options);
      if (isManifest(child.mediaType)) return [await fetchManifest(child, isWanted, options)];
      if (!options.withoutLayers) await fetchLayer(child, options);
      return [];
    }),
  );
  return fetched.flat();
}

function noSuchPlatform(
  { digest }: Descriptor,
  manifests: readonly Descriptor[],
  wanted: readonly Platform[] | "all",
): CtrError {
  if (wanted === "all") return new CtrError("NotFound", `no manifest in index ${digest}`);
  const offered = listPlatforms(manifests.flatMap(({ platform }) => platform ?? []));
  const names = wanted.map(formatPlatform).join(", ");
  return new CtrError("NotFound", `no match for platform ${names} in manifest ${digest}`, {
    hint: offered ? `choose one with --platform: ${offered}` : undefined,
  });
}

/** A document of the image, beside a few others, and not more of them than fit in memory. */
async function fetchOne(
  descriptor: Descriptor,
  labelsOf: (bytes: Uint8Array) => Labels,
  walk: Walk,
): Promise<Uint8Array> {
  walk.documentBytes += descriptor.size;
  if (walk.documentBytes > MAX_DOCUMENTS_BYTES) {
    const words = `indexes, manifests and configs of one image take more than ${MAX_DOCUMENTS_BYTES} bytes`;
    throw new CtrError("InvalidArgument", words);
  }
  return walk.documentLimit(() => fetchDocument(descriptor, walk.labels, labelsOf, walk));
}

async function fetchManifest(
  descriptor: Descriptor,
  withLayers: boolean,
  options: Walk,
): Promise<FetchedManifest> {
  const bytes = await fetchOne(
    descriptor,
    (document) => manifestLabels(parseManifest(document, descriptor)),
    options,
  );
  const manifest = parseManifest(bytes, descriptor);
  const fetchingConfig = fetchConfig(manifest.config, options);
  const wanted = withLayers && !options.withoutLayers ? manifest.layers : [];
  const layers = wanted.map((layer) => ({
    descriptor: layer,
    fetched: fetchLayer(layer, options),
    refetch: async () => {
      await options.content.discardBytes(layer.digest);
      await fetchLayer(layer, options);
    },
  }));
  const config = await fetchingConfig;
  return { descriptor, manifest, config, platform: config?.platform ?? descriptor.platform, layers };
}

async function fetchConfig(descriptor: Descriptor, options: Walk): Promise<ImageConfig | undefined> {
  if (!isConfig(descriptor.mediaType)) {
    await options.limit(() => fetchBlob(descriptor, options.labels, options));
    return undefined;
  }
  const read = (bytes: Uint8Array) =>
    isImageConfig(bytes, descriptor) ? parseImageConfig(bytes, descriptor) : undefined;
  const refuseMalformed = (bytes: Uint8Array) => {
    read(bytes);
    return {};
  };
  return read(await fetchOne(descriptor, refuseMalformed, options));
}

function fetchLayer(layer: Descriptor, options: FetchImageOptions): Promise<void> {
  options.onProgress?.({ name: refKey(layer), state: "waiting", total: layer.size });
  const fetched = options.limit(() => fetchBlob(layer, options.labels, options));
  // Whoever unpacks awaits the layers one after the other; a later one's failure must not count as unhandled meanwhile.
  fetched.catch(() => {});
  return fetched;
}

/** What keeps the documents of an index from the garbage collector, on its own blob. */
export function indexLabels({ manifests }: Pick<ImageIndex, "manifests">): Labels {
  return Object.fromEntries(
    manifests.map(({ digest }, at) => [`${labelNames.gcRefContent}.m.${at}`, digest]),
  );
}

/** What keeps config and layers of a manifest from the garbage collector, on its own blob. */
export function manifestLabels({ config, layers }: Pick<ImageManifest, "config" | "layers">): Labels {
  return Object.fromEntries([
    [`${labelNames.gcRefContent}.config`, config.digest],
    ...layers.map(({ digest }, at) => [`${labelNames.gcRefContent}.l.${at}`, digest]),
  ]);
}

/** Whether every layer can become a snapshot: attestations and artifacts hold other things. */
export function isUnpackable({ config, manifest }: FetchedManifest): boolean {
  return config !== undefined && manifest.layers.every(({ mediaType }) => isLayer(mediaType));
}
