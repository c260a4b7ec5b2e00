import { isIndexOrManifest } from "../../src/core/media-type.ts";
import type { Answer } from "./hostile-registry.ts";
import type { BuiltImage, ImageBlob } from "./image.ts";

export interface ServedOptions {
  repository?: string;
  tag?: string;
}

/** A blob, or a manifest, as a registry answers with it. */
export function served({ descriptor, data }: ImageBlob): Answer {
  const { mediaType, digest } = descriptor;
  return {
    headers: { "content-type": mediaType, "docker-content-digest": digest },
    body: data as Uint8Array,
  };
}

/** Where a registry has it. */
export function placeOf({ descriptor }: Pick<ImageBlob, "descriptor">, repository = "app"): string {
  const { mediaType, digest } = descriptor;
  const kind = isIndexOrManifest(mediaType) ? "manifests" : "blobs";
  return `/v2/${repository}/${kind}/${digest}`;
}

/** All that an honest registry says about an image: a script to be made dishonest. */
export function servedImage(
  { target, blobs }: BuiltImage,
  { repository = "app", tag = "1" }: ServedOptions = {},
): Record<string, Answer> {
  const script = Object.fromEntries(blobs.map((blob) => [placeOf(blob, repository), served(blob)]));
  script[`/v2/${repository}/manifests/${tag}`] = script[placeOf({ descriptor: target }, repository)]!;
  return script;
}
