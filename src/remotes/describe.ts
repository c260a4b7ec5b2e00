import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import { isIndexOrManifest } from "../core/media-type.ts";
import { mayBeIndexOrManifest } from "./content-type.ts";
import type { Place } from "./place.ts";
import { parseContentLength } from "./range.ts";
import { statusError } from "./status-errors.ts";

type Wanted = Pick<Descriptor, "digest" | "mediaType">;

/**
 * The first of the places' words on how large it is. What may be either is a blob before it is a manifest, as when it
 * is fetched. Mirrors may fail in any way; the last one's words count. Throws Unavailable when none tells a size.
 */
export async function describe(places: readonly Place[], wanted: Wanted): Promise<Descriptor> {
  if (isIndexOrManifest(wanted.mediaType)) return describeAs("manifests", places, wanted);
  try {
    return await describeAs("blobs", places, wanted);
  } catch (error) {
    if (!hasCode(error, "NotFound") || !mayBeIndexOrManifest(wanted)) throw error;
    return describeAs("manifests", places, wanted);
  }
}

async function describeAs(
  kind: "blobs" | "manifests",
  places: readonly Place[],
  { mediaType, digest }: Wanted,
): Promise<Descriptor> {
  for (const [at, { registry, path, scope, signal }] of places.entries()) {
    const isLast = at === places.length - 1;
    const request = { method: "HEAD", path: `/${path}/${kind}/${digest}`, scope, signal } as const;
    const response = await registry.send(request).catch((error: unknown) => {
      if (isLast || hasCode(error, "Canceled")) throw error;
      return undefined;
    });
    const size = parseContentLength(response?.headers.get("content-length") ?? null);
    if (response?.status === 200 && size !== undefined) {
      await response.discard();
      return { mediaType, digest, size };
    }
    if (response && isLast && response.status !== 200) {
      throw await statusError(response, registry.transport.secrets);
    }
    await response?.discard();
  }
  throw new CtrError("Unavailable", "registry does not tell its size");
}
