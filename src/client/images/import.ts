import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError, hasCode, ifPresent, withSubject } from "../../core/errors.ts";
import { type Labels, labelNames, mergeLabels } from "../../core/labels.ts";
import { isIndex, isLayer } from "../../core/media-type.ts";
import { formatPlatform, hostPlatform, type Platform, platformDistance } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import { compress } from "../../diff/compress.ts";
import { decompress, detectCompression } from "../../diff/compression.ts";
import { type ArchiveIndex, indexDescriptor } from "../../images/archive/archive-index.ts";
import { type KeptImage, keepContent } from "../../images/archive/keep-content.ts";
import { readArchive } from "../../images/archive/read-archive.ts";
import { readArchiveIndex } from "../../images/archive/read-index.ts";
import { indexLabels } from "../../images/fetch-image.ts";
import { type LocalImage, readImage } from "../../images/read-image.ts";
import { unpackImage } from "../../images/unpack.ts";
import { freeSpace } from "../../sys/storage.ts";
import { collectGarbage, collectInBackground } from "../collect.ts";
import { storeBytes } from "../content/store-bytes.ts";
import { type WorkLease, withLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { type NamedEntry, type NamingOptions, nameImages } from "./import-names.ts";
import { unpackContext } from "./unpack.ts";

export interface ImportOptions extends NamingOptions {
  /** Default: true. */
  unpack?: boolean;
  /** Layers are given back once they are unpacked. */
  discardUnpackedLayers?: boolean;
  /** Uncompressed layers of a `docker save` archive are stored compressed. */
  compressBlobs?: boolean;
  snapshotter?: string;
  /** Added to those that the images have. */
  labels?: Labels;
  /** The archive's name among the rows of progress, and its length in bytes if it is known. */
  archive: { name: string; sizeBytes?: number };
  onProgress?: ProgressListener;
  onUnpacking?: (image: ImportedImage) => void;
  onUnpacked?: (image: ImportedImage) => void;
  signal?: AbortSignal;
}

export interface ImportedImage {
  name: string;
  target: Descriptor;
  /** Wanted platforms that the archive does not have whole. */
  skipped: readonly string[];
  /** Why it is not unpacked although that was wanted: the platform it is for. */
  foreignPlatform?: string;
}

/**
 * Reads an archive as it comes, of an OCI layout or made by `docker save`, plain or compressed, and records its images
 * once all are whole and unpacked: until then their names mean what they meant before. Memory does not grow with the
 * archive. After a failure nothing is left of it; after a kill, the collector removes what is. Throws InvalidArgument
 * for an archive without images, and what `readArchive` throws.
 */
export async function importImages(
  client: Client,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportedImage[]> {
  try {
    const { imported, leavesLitter } = await withLease(client, (lease) =>
      importLeased(client, source, lease, options),
    );
    if (leavesLitter) collectInBackground(client);
    return imported;
  } catch (error) {
    await collectGarbage(client);
    throw error;
  }
}

async function importLeased(
  client: Client,
  source: AsyncIterable<Uint8Array>,
  lease: WorkLease,
  options: ImportOptions,
): Promise<{ imported: ImportedImage[]; leavesLitter: boolean }> {
  const taken = new Set<Digest>();
  const protect = (id: Digest) => {
    taken.add(id);
    lease.protect({ type: "content", id });
  };
  const index = await takeIn(client, source, protect, options);
  const named = nameImages(index, options);
  if (options.indexName)
    await storeBytes(await client.content(), index.bytes, indexDescriptor(index).digest, protect);
  const kept = new Set<Digest>();
  const imported: (ImportedImage & KeptImage)[] = [];
  for (const image of named) {
    const { digests, manifests, skipped } = await keep(client, image, options);
    const content = { digests, manifests, skipped };
    for (const digest of digests) kept.add(digest);
    imported.push({ name: image.name, target: image.target, ...content });
  }
  if (options.unpack ?? true) await unpackAll(client, imported, lease, options);
  await recordImages(client, imported, options.labels ?? {});
  const isPartial = [...taken].some((digest) => !kept.has(digest));
  return {
    imported: imported.map(({ digests: _, manifests: __, ...image }) => image),
    leavesLitter: isPartial || (options.discardUnpackedLayers ?? false),
  };
}

async function takeIn(
  client: Client,
  source: AsyncIterable<Uint8Array>,
  protect: (digest: Digest) => void,
  { archive, onProgress, signal, compressBlobs = false }: ImportOptions,
): Promise<ArchiveIndex> {
  const content = await client.content();
  const { name, sizeBytes: total } = archive;
  let offset = 0;
  const counted = async function* () {
    for await (const chunk of source) {
      offset += chunk.length;
      yield chunk;
    }
  };
  const context = { content, protect, signal };
  const contents = await readArchive(decompress(counted()), {
    ...context,
    availableBytes: () => freeSpace(client.root).availableBytes,
    onProgress: () => onProgress?.({ name, state: "importing", offset, total }),
  });
  onProgress?.({ name, state: "done", offset, total });
  const docker = { decompress, compress, detectCompression, compressBlobs, onProgress };
  return readArchiveIndex(contents, { ...context, ...docker });
}

async function keep(client: Client, image: NamedEntry, options: ImportOptions): Promise<KeptImage> {
  const { name, target, entries } = image;
  const content = await client.content();
  const choice = {
    content,
    platforms: options.allPlatforms ? ("all" as const) : [options.platform ?? hostPlatform()],
    isExact: options.platform !== undefined,
  };
  try {
    if (!entries) return await keepContent(target, choice);
    const below = await Promise.all(entries.map((entry) => keepContent(entry, choice)));
    await content.label(target.digest, indexLabels({ manifests: [...entries] }));
    return {
      digests: new Set([target.digest, ...below.flatMap(({ digests }) => [...digests])]),
      manifests: below.flatMap(({ manifests }) => manifests),
      skipped: below.flatMap(({ skipped }) => skipped),
    };
  } catch (error) {
    const subject = `image ${JSON.stringify(name)} in the archive`;
    if (!hasCode(error, "NotFound") || error.hint) throw withSubject(subject, error);
    throw new CtrError("NotFound", subject, {
      cause: error,
      hint: "the archive is incomplete: export it again",
    });
  }
}

async function unpackAll(
  client: Client,
  images: (ImportedImage & KeptImage)[],
  lease: WorkLease,
  options: ImportOptions,
): Promise<void> {
  for (const image of images) {
    const found = await unpackable(client, image, options.platform ?? hostPlatform());
    if (typeof found === "string") image.foreignPlatform = found;
    if (found === undefined || typeof found === "string") continue;
    options.onUnpacking?.(image);
    await unpackOne(client, found, lease, options);
    options.onUnpacked?.(image);
  }
}

/** What to unpack; the platform that an image is for when it is not the one wanted; nothing for an artifact. */
async function unpackable(
  client: Client,
  image: ImportedImage & KeptImage,
  wanted: Platform,
): Promise<LocalImage | string | undefined> {
  const content = await client.content();
  try {
    const found = await readImage(content, image.target, wanted);
    const { platform } = found.config;
    const isForeign = platform.os !== "" && platformDistance(wanted, platform) === undefined;
    if (isForeign) return formatPlatform(platform);
    return found.manifest.layers.every(({ mediaType }) => isLayer(mediaType)) ? found : undefined;
  } catch (error) {
    if (hasCode(error, "FailedPrecondition", "NotImplemented")) return undefined;
    if (!hasCode(error, "NotFound") || !isIndex(image.target.mediaType)) throw error;
    return image.manifests
      .map(({ platform, digest }) => (platform ? formatPlatform(platform) : digest))
      .join(", ");
  }
}

async function unpackOne(
  client: Client,
  { path, manifest, config }: LocalImage,
  lease: WorkLease,
  options: ImportOptions,
): Promise<void> {
  const context = await unpackContext(client, lease, options);
  const layers = manifest.layers.map((descriptor) => ({ descriptor, fetched: Promise.resolve() }));
  await unpackImage(manifest.config.digest, config.diffIds, layers, context);
  if (!options.discardUnpackedLayers) return;
  const names = layers.map((_, at) => `${labelNames.gcRefContent}.l.${at}`);
  await context.content.label(path.at(-1)!.digest, Object.fromEntries(names.map((name) => [name, ""])));
}

async function recordImages(
  client: Client,
  imported: readonly ImportedImage[],
  labels: Labels,
): Promise<void> {
  const metadata = await client.metadata();
  const images = await client.images();
  metadata.transaction(() => {
    for (const { name, target } of imported) {
      const { mediaType, digest, size, annotations } = target;
      const draft = { name, target: { mediaType, digest, size, ...(annotations && { annotations }) } };
      const replace = () =>
        images.update(name, (image) => ({ ...draft, labels: mergeLabels(image.labels, labels) }));
      if (!ifPresent(replace)) images.create({ ...draft, labels });
    }
  });
}
