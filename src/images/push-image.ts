import type { ContentProvider, ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { ifPresent } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import type { Limiter } from "../core/limiter.ts";
import { isForeignLayer, isIndexOrManifest } from "../core/media-type.ts";
import type { ProgressListener } from "../core/progress.ts";
import type { Pusher, Referral } from "../core/remotes.ts";
import { refKey } from "./fetch-blob.ts";
import { readRelations } from "./relations.ts";

export interface PushImageOptions {
  /** What is pushed; it may hold documents that the store does not. */
  content: ContentProvider;
  /** Knows where blobs came from. */
  store: Pick<ContentStore, "info">;
  pusher: Pusher;
  /** The registry's name, as references begin with it: blobs that came from it may be mounted. */
  host: string;
  /** For the target's row. */
  tag: string | undefined;
  /** Layers that registries need not hold are left out without it. */
  withForeignLayers: boolean;
  limit: Limiter;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/**
 * Pushes everything below `target`, then `target` itself: children first, blobs side by side as `limit` lets, each
 * once. Throws what the pusher throws, and NotFound when the content store lacks a blob.
 */
export async function pushImage(target: Descriptor, options: PushImageOptions): Promise<void> {
  await new ImagePush(target, options).pushTree(target);
}

class ImagePush {
  readonly #target: Descriptor;
  readonly #options: PushImageOptions;
  readonly #underWay = new Map<Digest, Promise<void>>();

  constructor(target: Descriptor, options: PushImageOptions) {
    this.#target = target;
    this.#options = options;
  }

  pushTree(descriptor: Descriptor): Promise<void> {
    const known = this.#underWay.get(descriptor.digest);
    if (known) return known;
    const pushing = this.#pushChildrenFirst(descriptor);
    this.#underWay.set(descriptor.digest, pushing);
    return pushing;
  }

  async #pushChildrenFirst(descriptor: Descriptor): Promise<void> {
    this.#options.onProgress?.({ name: this.#rowOf(descriptor), state: "waiting", total: descriptor.size });
    const { children, referral } = await this.#read(descriptor);
    await Promise.all(children.map((child) => this.pushTree(child)));
    await this.#options.limit(() => this.#pushOne(descriptor, referral));
  }

  async #read(descriptor: Descriptor): Promise<{ children: Descriptor[]; referral?: Referral }> {
    const { content, withForeignLayers } = this.#options;
    const document = await readRelations(content, descriptor);
    const isPushed = ({ mediaType }: Descriptor) => withForeignLayers || !isForeignLayer(mediaType);
    return { ...document, children: document.children.filter(isPushed) };
  }

  async #pushOne(descriptor: Descriptor, referral: Referral | undefined): Promise<void> {
    const { content, pusher, onProgress, signal } = this.#options;
    const { size: total } = descriptor;
    const name = this.#rowOf(descriptor);
    const outcome = await pusher.push(descriptor, content, {
      isTarget: descriptor === this.#target,
      mountFrom: await this.#sourcesOf(descriptor),
      referral,
      onSent: (offset) => onProgress?.({ name, state: "uploading", offset, total }),
      signal,
    });
    if (outcome === "pushed") onProgress?.({ name, state: "done", offset: total, total });
    else onProgress?.({ name, state: outcome === "exists" ? "exists" : "done", total });
  }

  async #sourcesOf({ mediaType, digest }: Descriptor): Promise<string[]> {
    if (isIndexOrManifest(mediaType)) return [];
    const { host, store } = this.#options;
    const labels = await labelsOf(store, digest);
    return (labels[`${labelNames.distributionSource}.${host}`] ?? "").split(",").filter(Boolean);
  }

  /** As ctr shows it: the target with its tag before the digest. */
  #rowOf(descriptor: Descriptor): string {
    const { tag } = this.#options;
    const row = refKey(descriptor);
    return descriptor === this.#target && tag ? row.replace("-", () => `-${tag}@`) : row;
  }
}

/** What is not here may be in the registry already, and then is not missed. */
async function labelsOf(store: PushImageOptions["store"], digest: Digest): Promise<Labels> {
  return (await ifPresent(() => store.info(digest)))?.labels ?? {};
}
