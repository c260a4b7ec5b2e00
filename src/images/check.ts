import type { ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { hasCode, ifPresent } from "../core/errors.ts";
import {
  chainIds,
  type ImageManifest,
  parseIndex,
  parseManifest,
  selectManifests,
} from "../core/manifest.ts";
import { isIndex, isManifest } from "../core/media-type.ts";
import type { Platform } from "../core/platform.ts";
import type { ProgressListener } from "../core/progress.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import { committedState } from "./committed-state.ts";
import { refKey } from "./fetch-blob.ts";
import { readDocument } from "./fetch-document.ts";
import { readConfig } from "./read-image.ts";
import { childrenOf } from "./relations.ts";

export type BlobState = "present" | "missing" | "damaged";
export type InspectBlob = (descriptor: Descriptor) => Promise<BlobState>;

export interface InspectOptions {
  /** Hash the bytes; otherwise those that are there with their size are taken for whole. */
  byHash: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/** Looks at each blob once, however often it is asked about. */
export function createBlobInspector(
  content: ContentStore,
  { byHash, onProgress, signal }: InspectOptions,
): InspectBlob {
  const known = new Map<Digest, Promise<BlobState>>();
  const verify = async (descriptor: Descriptor): Promise<BlobState> => {
    const name = refKey(descriptor);
    const total = descriptor.size;
    onProgress?.({ name, state: "verifying", total });
    const isSound = await content.verify(descriptor.digest);
    onProgress?.({ name, state: "done", offset: total, total });
    return isSound ? "present" : "damaged";
  };
  const inspect = async (descriptor: Descriptor): Promise<BlobState> => {
    signal?.throwIfAborted();
    try {
      if (byHash) return await verify(descriptor);
      await using _ = await content.reader(descriptor.digest);
      return "present";
    } catch (error) {
      if (hasCode(error, "NotFound")) return "missing";
      if (hasCode(error, "DataLoss")) return "damaged";
      throw error;
    }
  };
  return (descriptor) => {
    const state = known.get(descriptor.digest) ?? inspect(descriptor);
    known.set(descriptor.digest, state);
    return state;
  };
}

/** What one platform's image is made of below its manifest: the config, then the layers. */
export interface ContentCheck {
  config: Descriptor;
  required: { descriptor: Descriptor; state: BlobState }[];
}

/**
 * How much of an image one platform has here; undefined when the way from the target to its manifest is broken, so
 * that nobody knows what it needs. Throws InvalidArgument for a document that is malformed.
 */
export async function checkContent(
  content: ContentStore,
  target: Descriptor,
  platform: Platform,
  inspect: InspectBlob,
): Promise<ContentCheck | undefined> {
  const manifest = await findManifest(content, target, platform, inspect);
  if (!manifest) return undefined;
  const required: ContentCheck["required"] = [];
  for (const descriptor of [manifest.config, ...manifest.layers]) {
    required.push({ descriptor, state: await inspect(descriptor) });
  }
  return { config: manifest.config, required };
}

async function findManifest(
  content: ContentStore,
  descriptor: Descriptor,
  platform: Platform,
  inspect: InspectBlob,
): Promise<ImageManifest | undefined> {
  if ((await inspect(descriptor)) !== "present") return undefined;
  const bytes = await readDocument(content, descriptor);
  if (isManifest(descriptor.mediaType)) return parseManifest(bytes, descriptor);
  if (!isIndex(descriptor.mediaType)) return undefined;
  const [chosen] = selectManifests(parseIndex(bytes, descriptor).manifests, [platform]);
  return chosen && findManifest(content, chosen, platform, inspect);
}

/** Everything damaged of all that is here of an image, whatever the platform; below a damaged document nobody knows. */
export async function findDamage(
  content: ContentStore,
  descriptor: Descriptor,
  inspect: InspectBlob,
  seen = new Set<Digest>(),
): Promise<Descriptor[]> {
  if (seen.has(descriptor.digest)) return [];
  seen.add(descriptor.digest);
  const state = await inspect(descriptor);
  if (state === "missing") return [];
  if (state === "damaged") return [descriptor];
  const damaged: Descriptor[] = [];
  for (const child of await childrenOf(content, descriptor)) {
    damaged.push(...(await findDamage(content, child, inspect, seen)));
  }
  return damaged;
}

/** The platforms of an image's manifests of which some layer is here: those that somebody pulled. */
export async function presentPlatforms(
  content: ContentStore,
  descriptor: Descriptor,
  seen = new Set<Digest>(),
): Promise<Platform[]> {
  if (seen.has(descriptor.digest)) return [];
  if (isIndex(descriptor.mediaType)) seen.add(descriptor.digest);
  const children = await readChildren(content, descriptor);
  if (isIndex(descriptor.mediaType)) {
    const found: Platform[] = [];
    for (const child of children) found.push(...(await presentPlatforms(content, child, seen)));
    return found;
  }
  if (!descriptor.platform) return [];
  const [, ...layers] = children;
  const isHere = await Promise.all(layers.map(({ digest }) => hasRow(content, digest)));
  return isHere.includes(true) ? [descriptor.platform] : [];
}

async function readChildren(content: ContentStore, descriptor: Descriptor): Promise<Descriptor[]> {
  try {
    return await childrenOf(content, descriptor);
  } catch (error) {
    if (hasCode(error, "NotFound", "DataLoss", "InvalidArgument")) return [];
    throw error;
  }
}

async function hasRow(content: ContentStore, digest: Digest): Promise<boolean> {
  return (await ifPresent(() => content.info(digest))) !== undefined;
}

/**
 * Whether a snapshot of all its layers is there with its bytes; undefined for an artifact, which has no root
 * filesystem. Throws NotFound, or DataLoss, when the config that would tell is not.
 */
export async function isUnpacked(
  content: ContentStore,
  descriptor: Descriptor,
  snapshotter: Snapshotter,
): Promise<boolean | undefined> {
  const config = await readConfig(content, descriptor);
  if (!config) return undefined;
  const top = chainIds(config.diffIds).at(-1);
  return top === undefined || (await committedState(snapshotter, top)) === "intact";
}
