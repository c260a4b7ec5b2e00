import type { ContentStore } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { isRunnable, parseIndex, parseManifest, selectManifests } from "../../core/manifest.ts";
import { isConfig, isForeignLayer, isIndex, isIndexOrManifest, isManifest } from "../../core/media-type.ts";
import { formatPlatform, listPlatforms, type Platform, platformDistance } from "../../core/platform.ts";
import { readDocument } from "../fetch-document.ts";

export interface ExportOptions {
  content: ContentStore;
  /** What is taken of an index. "present": this host's, or those that are here where that one is not. */
  platforms: readonly Platform[] | "all" | "present";
  host: Platform;
  /** Leaves out layers that only their makers may distribute. */
  skipNonDistributable: boolean;
}

/** What an archive of an image is made of. */
export interface ExportPlan {
  blobs: ReadonlyMap<Digest, Descriptor>;
  /** The one image that a reader without platforms gets; none in an archive of artifacts. */
  manifest: Descriptor | undefined;
}

const MAX_INDEX_DEPTH = 8;

/**
 * Finds everything that belongs to an image, and makes sure that it is here. Throws NotFound, naming what is missing,
 * also when an index has nothing for the platforms wanted.
 */
export async function planExport(target: Descriptor, options: ExportOptions): Promise<ExportPlan> {
  if (!isIndexOrManifest(target.mediaType)) {
    throw new CtrError(
      "InvalidArgument",
      `${target.digest} is no image: ${JSON.stringify(target.mediaType)}`,
    );
  }
  const walk = new Walk(options);
  await walk.add(target, 1);
  return { blobs: walk.blobs, manifest: walk.manifests.find(walk.isPreferred) ?? walk.manifests[0] };
}

class Walk {
  readonly blobs = new Map<Digest, Descriptor>();
  /** Of images, with the platforms that their index gives them. */
  readonly manifests: Descriptor[] = [];
  readonly #options: ExportOptions;

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /** The platform named first, without one this host's. */
  readonly isPreferred = ({ platform }: Descriptor): boolean => {
    const { platforms, host } = this.#options;
    const preferred = typeof platforms === "string" ? host : platforms[0]!;
    return platform !== undefined && platformDistance(preferred, platform) !== undefined;
  };

  async add(descriptor: Descriptor, depth: number): Promise<void> {
    if (this.blobs.has(descriptor.digest)) return;
    const { mediaType } = descriptor;
    if (isForeignLayer(mediaType) && this.#options.skipNonDistributable) return;
    await requireBlob(this.#options.content, descriptor);
    if (isIndex(mediaType)) await this.#addIndex(descriptor, depth);
    else if (isManifest(mediaType)) await this.#addManifest(descriptor, depth);
    this.blobs.set(descriptor.digest, descriptor);
  }

  async #addManifest(descriptor: Descriptor, depth: number): Promise<void> {
    const manifest = parseManifest(await readDocument(this.#options.content, descriptor), descriptor);
    for (const child of [manifest.config, ...manifest.layers]) await this.add(child, depth + 1);
    if (isConfig(manifest.config.mediaType) && isRunnable(descriptor)) this.manifests.push(descriptor);
  }

  async #addIndex(descriptor: Descriptor, depth: number): Promise<void> {
    if (depth > MAX_INDEX_DEPTH) {
      const words = `index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} deep`;
      throw new CtrError("InvalidArgument", words);
    }
    const { content, platforms, host } = this.#options;
    const { manifests } = parseIndex(await readDocument(content, descriptor), descriptor);
    if (platforms === "all") return this.#addAll(manifests, depth);
    if (platforms !== "present") return this.#addAll(wantedOf(manifests, platforms, descriptor), depth);
    const chosen = await this.#addPresent(selectManifests(manifests, [host]), depth);
    if (chosen.added > 0) return;
    const any = await this.#addPresent(manifests, depth);
    if (any.added === 0 && manifests.length > 0) throw chosen.failure ?? any.failure;
  }

  async #addAll(entries: readonly Descriptor[], depth: number): Promise<void> {
    for (const entry of entries) await this.add(entry, depth + 1);
  }

  /** Those that are whole. */
  async #addPresent(
    entries: readonly Descriptor[],
    depth: number,
  ): Promise<{ added: number; failure?: unknown }> {
    let added = 0;
    let failure: unknown;
    for (const entry of entries) {
      const [blobs, manifests] = [new Set(this.blobs.keys()), this.manifests.length];
      try {
        await this.add(entry, depth + 1);
        added++;
      } catch (error) {
        if (!hasCode(error, "NotFound", "DataLoss")) throw error;
        failure ??= error;
        for (const digest of this.blobs.keys()) if (!blobs.has(digest)) this.blobs.delete(digest);
        this.manifests.length = manifests;
      }
    }
    return { added, failure };
  }
}

/** Throws NotFound when one of the platforms is none of the index's. */
function wantedOf(
  manifests: readonly Descriptor[],
  platforms: readonly Platform[],
  { digest }: Descriptor,
): Descriptor[] {
  const wanted = new Set<Descriptor>();
  for (const platform of platforms) {
    const exact = manifests.filter(
      (entry) => entry.platform && platformDistance(platform, entry.platform) === 0,
    );
    const chosen = exact.length > 0 ? exact : selectManifests(manifests, [platform]);
    for (const entry of chosen) wanted.add(entry);
    if (chosen.length > 0) continue;
    const offered = manifests.filter(isRunnable).flatMap((entry) => entry.platform ?? []);
    throw new CtrError("NotFound", `no match for platform ${formatPlatform(platform)} in index ${digest}`, {
      hint: `choose one of ${listPlatforms(offered)}`,
    });
  }
  return manifests.filter((entry) => wanted.has(entry));
}

/** Opening tells more than a record: whether the bytes are there, and all of them. */
async function requireBlob(content: ContentStore, { digest, size }: Descriptor): Promise<void> {
  await using reader = await content.reader(digest);
  if (reader.size === size) return;
  throw new CtrError("DataLoss", `content ${digest} has ${reader.size} bytes, its descriptor says ${size}`);
}
