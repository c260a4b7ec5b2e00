import type { Descriptor } from "../core/descriptor.ts";
import { CtrError } from "../core/errors.ts";
import { isConfig, isIndexOrManifest, isLayer, mediaTypes } from "../core/media-type.ts";
import type { HttpResponse } from "./transport.ts";

/** Everything a reference can name, the most wanted first. */
export const ACCEPTED_MANIFESTS = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  "*/*",
].join(", ");

/** Of a kind that we do not know: only the registry can tell whether it keeps it as a manifest. */
export function mayBeIndexOrManifest({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  return ![isIndexOrManifest, isConfig, isLayer].some((isKnown) => isKnown(mediaType));
}

/** Without parameters such as a charset. Empty when there is none. */
export function contentTypeOf({ headers }: Pick<HttpResponse, "headers">): string {
  return (headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/**
 * Throws InvalidArgument when a registry serves a manifest as another kind than its descriptor says
 * (CVE-2021-41190). What says nothing about its kind, such as text/plain, is judged by the document itself.
 */
export async function checkContentType(response: HttpResponse, mediaType: string): Promise<void> {
  const served = contentTypeOf(response);
  if (served === mediaType || !isIndexOrManifest(served)) return;
  await response.discard();
  throw new CtrError("InvalidArgument", `media-type: expected ${mediaType} but registry says ${served}`);
}
