import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import type { Labels } from "../core/labels.ts";
import { createLimiter } from "../core/limiter.ts";
import { type ImageManifest, parseImageConfig, parseIndex, parseManifest } from "../core/manifest.ts";
import {
  type Compression,
  isConfig,
  isForeignLayer,
  isIndex,
  isLayer,
  isManifest,
  layerCompression,
  mediaTypes,
} from "../core/media-type.ts";
import { formatPlatform, type Platform, platformDistance } from "../core/platform.ts";
import { type ConvertLayerContext, convertLayer } from "./convert-layer.ts";
import { convertConfig, withErofs } from "./erofs/convert-config.ts";
import { convertLayerToErofs, type ErofsConversion, type ErofsLayer } from "./erofs/convert-layer.ts";
import { refKey } from "./fetch-blob.ts";
import { readDocument } from "./fetch-document.ts";
import { indexLabels, manifestLabels } from "./fetch-image.ts";
import { type JsonObject, writeDocument } from "./write-document.ts";

/** What each document has become: an index can name the same ones over and over. */
type Converted = Map<Digest, Descriptor>;

export interface ConvertOptions extends ConvertLayerContext {
  /** How layers are to be compressed; as they are without it. */
  compression?: Compression;
  /** Layers become filesystem images, in place of `compression`. */
  erofs?: ErofsConversion;
  /** Docker's media types become OCI's. */
  toOci: boolean;
  /** What an index keeps; entries that name no platform stay in any case. */
  platforms: readonly Platform[] | "all";
}

const REFERENCE_ANNOTATION = "vnd.docker.reference.digest";

const OCI_TYPES: Readonly<Record<string, string>> = {
  [mediaTypes.dockerIndex]: mediaTypes.ociIndex,
  [mediaTypes.dockerManifest]: mediaTypes.ociManifest,
  [mediaTypes.dockerConfig]: mediaTypes.ociConfig,
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayerZstd]: mediaTypes.ociLayerZstd,
  [mediaTypes.dockerForeignLayer]: mediaTypes.ociForeignLayer,
  [mediaTypes.dockerForeignLayerGzip]: mediaTypes.ociForeignLayerGzip,
};

/**
 * Makes another image of one: the answer is its target, the same where nothing changed. The same input gives the same
 * digests, the real ctr's. Throws NotFound when a blob, or every platform wanted, is missing.
 */
export async function convertImage(
  target: Descriptor,
  options: ConvertOptions,
  converted: Converted = new Map(),
): Promise<Descriptor> {
  const { mediaType, digest } = target;
  if (!isIndex(mediaType) && !isManifest(mediaType)) {
    throw new CtrError("NotImplemented", `media type ${JSON.stringify(mediaType)} of ${digest}`);
  }
  const known = converted.get(digest);
  if (known) return known;
  const made = isIndex(mediaType)
    ? await convertIndex(target, options, converted)
    : await convertManifest(target, options);
  converted.set(digest, made);
  return made;
}

async function convertIndex(
  descriptor: Descriptor,
  options: ConvertOptions,
  known: Converted,
): Promise<Descriptor> {
  const bytes = await readDocument(options.content, descriptor);
  const { manifests } = parseIndex(bytes, descriptor);
  const document: JsonObject = JSON.parse(Buffer.from(bytes).toString());
  const entries = document.manifests as JsonObject[];
  const kept = manifests.flatMap((entry, at) =>
    isWanted(entry, options.platforms) ? [{ entry, json: entries[at]! }] : [],
  );
  if (kept.length === 0) throw noPlatform(descriptor, options.platforms);
  const renamed = new Map<string, Digest>();
  const converted: { descriptor: Descriptor; json: JsonObject }[] = [];
  for (const { entry, json } of kept) {
    const made = await convertEntry(entry, options, known);
    renamed.set(entry.digest, made.digest);
    // The same manifest may be there for several platforms.
    const platform = options.erofs && made.platform && withErofs(entry.platform ?? made.platform);
    const described = withDescriptor(json, made);
    converted.push({ descriptor: made, json: platform ? { ...described, platform } : described });
  }
  const mediaType = typeOf(descriptor, options);
  const changed =
    kept.length !== manifests.length ||
    mediaType !== descriptor.mediaType ||
    kept.some(({ entry }) => renamed.get(entry.digest) !== entry.digest);
  if (!changed) return descriptor;
  const changes = { manifests: converted.map(({ json }) => followReference(json, renamed)) };
  const labels = indexLabels({ manifests: converted.map((one) => one.descriptor) });
  return store(descriptor, { ...document, ...changes }, mediaType, labels, options);
}

async function convertEntry(
  entry: Descriptor,
  options: ConvertOptions,
  known: Converted,
): Promise<Descriptor> {
  if (!isIndex(entry.mediaType) && !isManifest(entry.mediaType)) return entry;
  try {
    return await convertImage(entry, options, known);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    const what = entry.platform ? formatPlatform(entry.platform) : entry.digest;
    throw new CtrError("NotFound", `convert ${what}`, {
      cause: error,
      hint: "pull it first, or leave it out with --platform",
    });
  }
}

async function convertManifest(descriptor: Descriptor, options: ConvertOptions): Promise<Descriptor> {
  const bytes = await readDocument(options.content, descriptor);
  const manifest = parseManifest(bytes, descriptor);
  const document: JsonObject = JSON.parse(Buffer.from(bytes).toString());
  if (options.erofs && isImage(manifest)) return convertToErofs(descriptor, manifest, document, options);
  const limit = createLimiter(2);
  for (const layer of manifest.layers) announce(layer, options);
  const layers = await Promise.all(manifest.layers.map((layer) => limit(() => convertBlob(layer, options))));
  const config = { ...manifest.config, mediaType: typeOf(manifest.config, options) };
  const mediaType = typeOf(descriptor, options);
  const changed =
    mediaType !== descriptor.mediaType ||
    config.mediaType !== manifest.config.mediaType ||
    layers.some(({ digest, mediaType: type }, at) => {
      return digest !== manifest.layers[at]!.digest || type !== manifest.layers[at]!.mediaType;
    });
  if (!changed) return descriptor;
  const json = document.layers as JsonObject[];
  const changes = {
    config: withDescriptor(document.config as JsonObject, config),
    layers: layers.map((layer, at) => withDescriptor(json[at]!, layer)),
  };
  const labels = manifestLabels({ config, layers });
  return store(descriptor, { ...document, ...changes }, mediaType, labels, options);
}

/** Attestations and artifacts hold other things than layers. */
const isImage = ({ config, layers }: ImageManifest): boolean =>
  isConfig(config.mediaType) && layers.length > 0 && layers.every(({ mediaType }) => isLayer(mediaType));

/** Every layer, one after the other: the program that does it takes memory, and every core there is. */
async function convertToErofs(
  descriptor: Descriptor,
  manifest: ImageManifest,
  document: JsonObject,
  options: ConvertOptions,
): Promise<Descriptor> {
  const { config: oldConfig, layers: oldLayers } = manifest;
  const { diffIds, platform } = parseImageConfig(await readDocument(options.content, oldConfig), oldConfig);
  if (diffIds.length !== oldLayers.length) {
    const words = `image has ${oldLayers.length} layers but ${diffIds.length} diff IDs`;
    throw new CtrError("InvalidArgument", words);
  }
  const made: ErofsLayer[] = [];
  for (const [at, layer] of oldLayers.entries()) {
    const converted = isForeignLayer(layer.mediaType)
      ? { descriptor: layer, diffId: diffIds[at]! }
      : await convertLayerToErofs(layer, diffIds[at]!, options.erofs!, options);
    made.push(converted);
  }
  const featured = withErofs(descriptor.platform ?? platform);
  const newIds = made.map(({ diffId }) => diffId);
  const config = {
    ...(await convertConfig(oldConfig, newIds, featured, options)),
    mediaType: typeOf(oldConfig, options),
  };
  const layers = made.map(({ descriptor }) => ({ ...descriptor, mediaType: typeOf(descriptor, options) }));
  const json = document.layers as JsonObject[];
  const changes = {
    config: withDescriptor(document.config as JsonObject, config),
    layers: layers.map((layer, at) => withDescriptor(json[at]!, layer)),
  };
  const labels = manifestLabels({ config, layers });
  const mediaType = typeOf(descriptor, options);
  const stored = await store(descriptor, { ...document, ...changes }, mediaType, labels, options);
  return { ...stored, platform: featured };
}

/** What is yet to be compressed anew. */
function announce(layer: Descriptor, { compression, onProgress }: ConvertOptions): void {
  if (!compression || [undefined, compression].includes(layerCompression(layer.mediaType))) return;
  onProgress?.({ name: refKey(layer), state: "waiting", total: layer.size });
}

async function convertBlob(layer: Descriptor, options: ConvertOptions): Promise<Descriptor> {
  const converted = options.compression ? await convertLayer(layer, options.compression, options) : layer;
  return { ...converted, mediaType: typeOf(converted, options) };
}

const typeOf = ({ mediaType }: Descriptor, { toOci }: ConvertOptions): string =>
  (toOci ? OCI_TYPES[mediaType] : undefined) ?? mediaType;

function isWanted({ platform }: Descriptor, platforms: ConvertOptions["platforms"]): boolean {
  if (platforms === "all" || !platform) return true;
  return platforms.some((wanted) => platformDistance(wanted, platform) === 0);
}

function withDescriptor(json: JsonObject, { mediaType, digest, size }: Descriptor): JsonObject {
  return { ...json, mediaType, digest, size };
}

/** An attestation says by digest which manifest it is about. */
function followReference(json: JsonObject, renamed: ReadonlyMap<string, Digest>): JsonObject {
  const annotations = json.annotations as Record<string, string> | undefined;
  const digest = renamed.get(annotations?.[REFERENCE_ANNOTATION] ?? "");
  return digest ? { ...json, annotations: { ...annotations, [REFERENCE_ANNOTATION]: digest } } : json;
}

async function store(
  old: Descriptor,
  document: JsonObject,
  mediaType: string,
  labels: Labels,
  { content, protect }: ConvertOptions,
): Promise<Descriptor> {
  const typed = document.mediaType === undefined ? document : { ...document, mediaType };
  const { digest, size } = await writeDocument(typed, labels, { content, protect });
  return { ...old, mediaType, digest, size };
}

function noPlatform({ digest }: Descriptor, platforms: ConvertOptions["platforms"]): CtrError {
  const names = platforms === "all" ? "any" : platforms.map(formatPlatform).join(", ");
  return new CtrError("NotFound", `no match for platform ${names} in index ${digest}`);
}
