import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import {
  type ImageConfig,
  type ImageManifest,
  isImageConfig,
  parseImageConfig,
  parseIndex,
  parseManifest,
  selectManifests,
} from "../core/manifest.ts";
import { isConfig, isIndex, isManifest } from "../core/media-type.ts";
import { formatPlatform, type Platform } from "../core/platform.ts";
import { readDocument } from "./fetch-document.ts";
import { childrenOf } from "./relations.ts";

export interface LocalManifest {
  /** From the image's target down to its manifest: the indexes on the way, then the manifest. */
  path: Descriptor[];
  manifest: ImageManifest;
}

export interface LocalImage extends LocalManifest {
  config: ImageConfig;
}

/** What one platform's image, or an artifact, is made of. Throws NotFound when there is none, or a document is missing. */
export async function readManifest(
  content: ContentProvider,
  target: Descriptor,
  platform: Platform,
): Promise<LocalManifest> {
  const path = await pathToManifest(content, target, platform);
  const descriptor = path.at(-1)!;
  return { path, manifest: parseManifest(await readDocument(content, descriptor), descriptor) };
}

/** A manifest's config; undefined when it is an artifact's, which has no root filesystem. Throws NotFound, DataLoss. */
export async function readConfig(
  content: ContentProvider,
  descriptor: Descriptor,
): Promise<ImageConfig | undefined> {
  if (!isConfig(descriptor.mediaType)) return undefined;
  const bytes = await readDocument(content, descriptor);
  return isImageConfig(bytes, descriptor) ? parseImageConfig(bytes, descriptor) : undefined;
}

/** The image as one platform has it, from the content store. Throws NotFound when there is none, or a blob is missing. */
export async function readImage(
  content: ContentProvider,
  target: Descriptor,
  platform: Platform,
): Promise<LocalImage> {
  const found = await readManifest(content, target, platform);
  const config = await readConfig(content, found.manifest.config);
  if (config) return { ...found, config };
  throw new CtrError("FailedPrecondition", `${found.path.at(-1)!.digest} is an artifact, not an image`);
}

async function pathToManifest(
  content: ContentProvider,
  descriptor: Descriptor,
  platform: Platform,
): Promise<Descriptor[]> {
  if (isManifest(descriptor.mediaType)) return [descriptor];
  if (!isIndex(descriptor.mediaType)) {
    throw new CtrError(
      "NotImplemented",
      `media type ${JSON.stringify(descriptor.mediaType)} of ${descriptor.digest}`,
    );
  }
  const { manifests } = parseIndex(await readDocument(content, descriptor), descriptor);
  const [chosen] = selectManifests(manifests, [platform]);
  if (chosen) return [descriptor, ...(await pathToManifest(content, chosen, platform))];
  throw new CtrError("NotFound", `no match for platform ${formatPlatform(platform)} in ${descriptor.digest}`);
}

/** Bytes of everything one platform's image is made of, the layers as they are stored. */
export function imageSizeBytes({ path, manifest }: LocalManifest): number {
  return [...path, manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, 0);
}

/** The platforms an image is there for, sorted; what the content store lacks is left out. */
export async function imagePlatforms(content: ContentProvider, target: Descriptor): Promise<string[]> {
  const found = await platformsBelow(content, target);
  return [...new Set(found.map(formatPlatform))].sort();
}

/** Each document once, one after the other: an index can name the same ones over and over. */
async function platformsBelow(
  content: ContentProvider,
  descriptor: Descriptor,
  seen = new Set<Digest>(),
): Promise<Platform[]> {
  if (descriptor.platform) return [descriptor.platform];
  if (seen.has(descriptor.digest)) return [];
  seen.add(descriptor.digest);
  try {
    if (isIndex(descriptor.mediaType)) {
      const found: Platform[] = [];
      for (const child of await childrenOf(content, descriptor))
        found.push(...(await platformsBelow(content, child, seen)));
      return found;
    }
    if (!isManifest(descriptor.mediaType)) return [];
    const [child] = await childrenOf(content, descriptor);
    const config = child && (await readConfig(content, child));
    return config ? [config.platform] : [];
  } catch (error) {
    if (hasCode(error, "NotFound", "DataLoss")) return [];
    throw error;
  }
}
