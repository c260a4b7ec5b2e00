import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { createLimiter } from "../../core/limiter.ts";
import { isIndexOrManifest } from "../../core/media-type.ts";
import type { Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import { parseReference } from "../../core/reference.ts";
import type { PushOutcome, Resolver } from "../../core/remotes.ts";
import { pushImage } from "../../images/push-image.ts";
import { readRelations } from "../../images/relations.ts";
import { selectForPush } from "../../images/select-for-push.ts";
import type { Client } from "../open.ts";
import { findImage } from "./images.ts";

/** As many as a pull fetches side by side. */
const CONCURRENT_UPLOADS = 6;

export interface PushOptions {
  resolver: Resolver;
  /** The image's name here, or a descriptor; the remote reference without it. */
  source?: string | Descriptor;
  /** Of an index; without it all whose content is here. */
  platforms?: readonly Platform[];
  maxConcurrentUploads?: number;
  withForeignLayers?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface PushedImage {
  target: Descriptor;
  /** Platforms of the index that were left out because their content is not here. */
  absent: string[];
}

/**
 * Pushes an image with everything it names, under the name `ref`. Registries that have part of it get the rest.
 * Throws NotFound for an image or a platform that is not here, and what the registry refuses.
 */
export async function push(client: Client, ref: string, options: PushOptions): Promise<PushedImage> {
  const { resolver, source = ref, platforms, withForeignLayers = false, onProgress } = options;
  const reference = parseReference(ref);
  const image = typeof source === "string" ? await findTarget(client, source) : source;
  const store = await client.content();
  const { target, content, absent } = await selectForPush(store, image, { platforms, withForeignLayers });
  const failure = new AbortController();
  const signals = [failure.signal, ...(options.signal ? [options.signal] : [])];
  try {
    await pushImage(target, {
      content,
      store,
      pusher: resolver.pusher(reference.name),
      host: reference.host,
      tag: reference.tag,
      withForeignLayers,
      limit: createLimiter(options.maxConcurrentUploads || CONCURRENT_UPLOADS),
      onProgress,
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    failure.abort();
    throw error;
  }
  return { target, absent };
}

/** Pushes one blob, or one manifest under the reference's tag. Throws as `Pusher.push`. */
export async function pushObject(
  client: Client,
  ref: string,
  { digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">,
  { resolver, signal }: Pick<PushOptions, "resolver" | "signal">,
): Promise<PushOutcome> {
  const content = await client.content();
  const { size } = await content.info(digest);
  const descriptor = { mediaType, digest, size };
  const { referral } = await readRelations(content, descriptor);
  const isTarget = isIndexOrManifest(mediaType);
  return resolver.pusher(ref).push(descriptor, content, { isTarget, referral, signal });
}

async function findTarget(client: Client, name: string): Promise<Descriptor> {
  try {
    return (await findImage(client, name)).target;
  } catch (error) {
    const hint = "see ctr images list; an image that has another name here is given after the remote one";
    if (!hasCode(error, "NotFound")) throw error;
    throw new CtrError("NotFound", "unable to resolve image to manifest", { cause: error, hint });
  }
}
