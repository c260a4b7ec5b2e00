import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, hasCode, withSubject } from "../core/errors.ts";
import { isConfig, isIndex, isLayer, isManifest } from "../core/media-type.ts";
import type { Reference } from "../core/reference.ts";
import type { Fetcher, FetchOptions } from "../core/remotes.ts";
import { type PartBudget, streamLarge } from "./blob-parts.ts";
import { type OpenBlob, streamBlob } from "./blob-stream.ts";
import { ACCEPTED_MANIFESTS, checkContentType } from "./content-type.ts";
import type { Pace } from "./options.ts";
import { checkOnward, parseRemoteUrl } from "./origins.ts";
import { parseContentLength } from "./range.ts";
import type { Registry } from "./registry.ts";
import { statusError } from "./status-errors.ts";
import type { HttpResponse, Transport } from "./transport.ts";

const STREAMED: ReadonlySet<number> = new Set([200, 206, 416]);

/** Reads one repository, from the first of its registries that has what is asked for. */
export function createFetcher(
  registries: () => Promise<readonly Registry[]>,
  { path }: Reference,
  pace: Pace,
  scope: string,
  budget: PartBudget,
): Fetcher {
  return {
    async *fetch(descriptor: Descriptor, { offset = 0, signal }: FetchOptions = {}) {
      const isDocument = isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType);
      try {
        const known = await registries();
        const place = { at: 0 };
        const openWith = (own?: AbortSignal) => opener(known, path, scope, descriptor, place, own);
        if (isDocument)
          yield* streamBlob(openWith(signal), descriptor, { offset, canRange: false, pace, signal });
        else yield* streamLarge(openWith, descriptor, { offset, pace, signal, budget });
      } catch (error) {
        throw withSubject(`failed to fetch ${descriptor.digest}`, error);
      }
    },
    async describe(wanted, signal) {
      try {
        return await describe(await registries(), path, scope, wanted, signal);
      } catch (error) {
        throw withSubject(`failed to fetch ${wanted.digest}`, error);
      }
    },
  };
}

/** What may be either is a blob before it is a manifest, as when it is fetched. */
async function describe(...[registries, path, scope, wanted, signal]: Parameters<typeof describeAs>) {
  const { mediaType } = wanted;
  if (isManifest(mediaType) || isIndex(mediaType)) {
    return describeAs(registries, path, scope, wanted, signal, "manifests");
  }
  try {
    return await describeAs(registries, path, scope, wanted, signal);
  } catch (error) {
    if (!hasCode(error, "NotFound") || !mayBeDocument(wanted)) throw error;
    return describeAs(registries, path, scope, wanted, signal, "manifests");
  }
}

async function describeAs(
  registries: readonly Registry[],
  path: string,
  scope: string,
  { mediaType, digest }: Pick<Descriptor, "digest" | "mediaType">,
  signal: AbortSignal | undefined,
  kind: "blobs" | "manifests" = "blobs",
): Promise<Descriptor> {
  const request = { method: "HEAD", path: `/${path}/${kind}/${digest}`, scope, signal } as const;
  for (const [at, registry] of registries.entries()) {
    const isLast = at === registries.length - 1;
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

/**
 * Asks each place in turn: a mirror may fail in any way, the registry itself only by not having it. The place that
 * answers is asked again when the stream resumes, and for other parts: `place` is shared by these.
 */
function opener(
  registries: readonly Registry[],
  path: string,
  scope: string,
  descriptor: Descriptor,
  place: { at: number },
  signal: AbortSignal | undefined,
): OpenBlob {
  const origin = registries.length - 1;
  const places = [
    ...registries.map((registry) => fromRegistry(registry, path, scope, descriptor, signal)),
    ...(mayBeDocument(descriptor)
      ? [fromManifests(registries[origin]!, path, scope, descriptor, signal)]
      : []),
    ...(descriptor.urls ?? []).map((url) => fromUrl(registries[origin]!, url, signal)),
  ];
  return async (headers) => {
    for (;;) {
      const { at } = place;
      try {
        return await places[at]!(headers);
      } catch (error) {
        const mayGoOn = at < origin ? !hasCode(error, "Canceled") : hasCode(error, "NotFound");
        if (!mayGoOn || at === places.length - 1) throw error;
        place.at = at + 1;
      }
    }
  };
}

/** Of a kind that we do not know: only the registry can tell whether it is a manifest. */
function mayBeDocument({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  return ![isManifest, isIndex, isConfig, isLayer].some((isKnown) => isKnown(mediaType));
}

function fromRegistry(
  registry: Registry,
  path: string,
  scope: string,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): OpenBlob {
  const { mediaType, digest } = descriptor;
  if (isManifest(mediaType) || isIndex(mediaType)) {
    return fromManifests(registry, path, scope, descriptor, signal);
  }
  return async (headers) => {
    const accept = "*/*";
    const response = await registry.send({
      method: "GET",
      path: `/${path}/blobs/${digest}`,
      scope,
      headers: { ...headers, accept },
      signal,
    });
    await requireStreamed(response, registry.transport);
    return response;
  };
}

function fromManifests(
  registry: Registry,
  path: string,
  scope: string,
  { mediaType, digest }: Descriptor,
  signal: AbortSignal | undefined,
): OpenBlob {
  const accept = mediaType || ACCEPTED_MANIFESTS;
  return async (headers) => {
    const response = await registry.send({
      method: "GET",
      path: `/${path}/manifests/${digest}`,
      scope,
      headers: { ...headers, accept },
      signal,
    });
    await requireStreamed(response, registry.transport);
    if (mediaType) await checkContentType(response, mediaType);
    return response;
  };
}

/** A foreign layer's own address: no credentials, no client certificate, and only where a redirect could lead too. */
function fromUrl(registry: Registry, address: string, signal: AbortSignal | undefined): OpenBlob {
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
