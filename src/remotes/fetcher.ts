import type { Descriptor } from "../core/descriptor.ts";
import { hasCode, withSubject } from "../core/errors.ts";
import { isIndexOrManifest } from "../core/media-type.ts";
import type { Fetcher, FetchOptions } from "../core/remotes.ts";
import { type PartBudget, streamLarge } from "./blob-parts.ts";
import { type OpenBlob, streamBlob } from "./blob-stream.ts";
import { ACCEPTED_MANIFESTS, checkContentType, mayBeIndexOrManifest } from "./content-type.ts";
import { describe } from "./describe.ts";
import type { Pace } from "./options.ts";
import { checkOnward, parseRemoteUrl } from "./origins.ts";
import type { Place } from "./place.ts";
import { statusError } from "./status-errors.ts";
import type { HttpResponse, Transport } from "./transport.ts";

const STREAMED: ReadonlySet<number> = new Set([200, 206, 416]);

/** Reads one repository, from the first of its places that has what is asked for: the last is the registry itself. */
export function createFetcher(
  openPlaces: (signal?: AbortSignal) => Promise<readonly Place[]>,
  pace: Pace,
  budget: PartBudget,
): Fetcher {
  return {
    async *fetch(descriptor: Descriptor, { offset = 0, signal }: FetchOptions = {}) {
      try {
        const places = await openPlaces();
        const answering = { at: 0 };
        const openWith = (own?: AbortSignal) => opener(places, descriptor, answering, own);
        if (isIndexOrManifest(descriptor.mediaType))
          yield* streamBlob(openWith(signal), descriptor, { offset, canRange: false, pace, signal });
        else yield* streamLarge(openWith, descriptor, { offset, pace, signal, budget });
      } catch (error) {
        throw withSubject(`failed to fetch ${descriptor.digest}`, error);
      }
    },
    async describe(wanted, signal) {
      try {
        return await describe(await openPlaces(signal), wanted);
      } catch (error) {
        throw withSubject(`failed to fetch ${wanted.digest}`, error);
      }
    },
  };
}

/**
 * Asks each place in turn: a mirror may fail in any way, the registry itself only by not having it. The one that
 * answers is asked again when the stream resumes, and for other parts: `answering` is shared by these.
 */
function opener(
  places: readonly Place[],
  descriptor: Descriptor,
  answering: { at: number },
  signal: AbortSignal | undefined,
): OpenBlob {
  const origin = places.length - 1;
  const own = { ...places[origin]!, signal };
  const ways = [
    ...places.map((place) => fromPlace({ ...place, signal }, descriptor)),
    ...(mayBeIndexOrManifest(descriptor) ? [fromManifests(own, descriptor)] : []),
    ...(descriptor.urls ?? []).map((url) => fromUrl(own, url)),
  ];
  return async (headers) => {
    for (;;) {
      const { at } = answering;
      try {
        return await ways[at]!(headers);
      } catch (error) {
        const mayGoOn = at < origin ? !hasCode(error, "Canceled") : hasCode(error, "NotFound");
        if (!mayGoOn || at === ways.length - 1) throw error;
        answering.at = at + 1;
      }
    }
  };
}

function fromPlace(place: Place, descriptor: Descriptor): OpenBlob {
  if (isIndexOrManifest(descriptor.mediaType)) return fromManifests(place, descriptor);
  const { registry, path, scope, signal } = place;
  return async (headers) => {
    const response = await registry.send({
      method: "GET",
      path: `/${path}/blobs/${descriptor.digest}`,
      scope,
      headers: { ...headers, accept: "*/*" },
      signal,
    });
    await requireStreamed(response, registry.transport);
    return response;
  };
}

function fromManifests(
  { registry, path, scope, signal }: Place,
  { mediaType, digest }: Descriptor,
): OpenBlob {
  return async (headers) => {
    const response = await registry.send({
      method: "GET",
      path: `/${path}/manifests/${digest}`,
      scope,
      headers: { ...headers, accept: mediaType || ACCEPTED_MANIFESTS },
      signal,
    });
    await requireStreamed(response, registry.transport);
    if (mediaType) await checkContentType(response, mediaType);
    return response;
  };
}

/** A foreign layer's own address: no credentials, no client certificate, and only where a redirect could lead too. */
function fromUrl({ registry, signal }: Place, address: string): OpenBlob {
  const { transport } = registry;
  return async (headers) => {
    const url = parseRemoteUrl(address, undefined, "address of a foreign layer");
    checkOnward(registry.url, url, "foreign layer leads");
    const response = await transport.send({ method: "GET", url, headers, isForeign: true, signal });
    await requireStreamed(response, transport);
    return response;
  };
}

async function requireStreamed(response: HttpResponse, transport: Transport): Promise<void> {
  if (!STREAMED.has(response.status)) throw await statusError(response, transport.secrets);
}
