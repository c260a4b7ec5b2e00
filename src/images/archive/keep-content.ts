import type { ContentStore } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { isRunnable, parseIndex, parseManifest, selectManifests } from "../../core/manifest.ts";
import { isForeignLayer, isIndex, isIndexOrManifest, isManifest } from "../../core/media-type.ts";
import { formatPlatform, listPlatforms, type Platform } from "../../core/platform.ts";
import { readDocument } from "../fetch-document.ts";
import { indexLabels, manifestLabels } from "../fetch-image.ts";

export interface KeepOptions {
  content: ContentStore;
  platforms: readonly Platform[] | "all";
  /** Whether these platforms were asked for by name, so that no other may stand in. */
  isExact: boolean;
}

/** What became of one image of an archive. */
export interface KeptImage {
  digests: ReadonlySet<Digest>;
  manifests: readonly Descriptor[];
  /** Platforms that were wanted and are not whole in the archive. */
  skipped: readonly string[];
}

/** Deeper than any real index; each level multiplies what has to be read. */
const MAX_INDEX_DEPTH = 8;

/**
 * Labels what belongs to the image so that the collector spares it: of an index, the platforms wanted, or those that
 * are there when none of the wanted ones is. Throws NotFound when nothing of the image is whole, InvalidArgument for
 * documents that contradict their descriptors.
 */
export async function keepContent(target: Descriptor, options: KeepOptions): Promise<KeptImage> {
  const walk = new Walk(options);
  await walk.keep(target, 1);
  return walk;
}

class Walk implements KeptImage {
  readonly digests = new Set<Digest>();
  readonly manifests: Descriptor[] = [];
  readonly skipped: string[] = [];
  readonly #options: KeepOptions;

  constructor(options: KeepOptions) {
    this.#options = options;
  }

  async keep(descriptor: Descriptor, depth: number): Promise<void> {
    if (this.digests.has(descriptor.digest)) return;
    await requireBlob(this.#options.content, descriptor);
    if (isIndex(descriptor.mediaType)) await this.#keepIndex(descriptor, depth);
    else if (isManifest(descriptor.mediaType)) await this.#keepManifest(descriptor);
    this.digests.add(descriptor.digest);
  }

  async #keepIndex(descriptor: Descriptor, depth: number): Promise<void> {
    if (depth > MAX_INDEX_DEPTH) {
      const words = `index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} deep`;
      throw new CtrError("InvalidArgument", words);
    }
    const { content, platforms, isExact } = this.#options;
    const { manifests } = parseIndex(await readDocument(content, descriptor), descriptor);
    const wanted = platforms === "all" ? manifests : selectManifests(manifests, platforms);
    const found = await this.#keepChildren(wanted, depth);
    const others = manifests.filter((entry) => !wanted.includes(entry));
    if (!found.kept.some(isImage) && !isExact) {
      const standIns = await this.#keepChildren(others, depth);
      found.kept.push(...standIns.kept);
    }
    if (manifests.length > 0 && found.kept.length === 0) {
      throw found.failure ?? noPlatform(descriptor, manifests, platforms);
    }
    // Each under its place in the index: what an earlier pull keeps of it stays kept.
    const kept = Object.entries(indexLabels({ manifests })).filter(([, digest]) =>
      found.kept.some((entry) => entry.digest === digest),
    );
    await content.label(descriptor.digest, Object.fromEntries(kept));
  }

  /** Those that are whole; the others are told of, unless nothing at all of them is here. */
  async #keepChildren(entries: readonly Descriptor[], depth: number) {
    const kept: Descriptor[] = [];
    let failure: unknown;
    for (const entry of entries) {
      try {
        await this.keep(entry, depth + 1);
        kept.push(entry);
      } catch (error) {
        if (!hasCode(error, "NotFound")) throw error;
        failure ??= error;
        if (isRunnable(entry))
          this.skipped.push(entry.platform ? formatPlatform(entry.platform) : entry.digest);
      }
    }
    return { kept, failure };
  }

  async #keepManifest(descriptor: Descriptor): Promise<void> {
    const { content } = this.#options;
    const { config, layers } = parseManifest(await readDocument(content, descriptor), descriptor);
    const children = [config, ...layers];
    for (const child of children) if (!isForeignLayer(child.mediaType)) await requireBlob(content, child);
    await content.label(descriptor.digest, manifestLabels({ config, layers }));
    for (const { digest } of children) this.digests.add(digest);
    this.manifests.push(descriptor);
  }
}

/** Before a document is read: its descriptor may say that a blob of any size is a little one. */
async function requireBlob(content: ContentStore, { digest, size }: Descriptor): Promise<void> {
  const info = await content.info(digest);
  if (info.size === size) return;
  throw new CtrError(
    "InvalidArgument",
    `content ${digest} has ${info.size} bytes, its descriptor says ${size}`,
  );
}

const isImage = ({ mediaType }: Descriptor): boolean => isIndexOrManifest(mediaType);

function noPlatform(
  { digest }: Descriptor,
  manifests: readonly Descriptor[],
  wanted: readonly Platform[] | "all",
): CtrError {
  const offered = listPlatforms(manifests.flatMap(({ platform }) => platform ?? []));
  const names = wanted === "all" ? "any" : wanted.map(formatPlatform).join(", ");
  return new CtrError("NotFound", `no match for platform ${names} in index ${digest}`, {
    hint: offered ? `choose one with --platform: ${offered}` : undefined,
  });
}
