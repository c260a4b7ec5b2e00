import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import { MAX_DOCUMENT_BYTES, parseIndex } from "../core/manifest.ts";
import { mediaTypes } from "../core/media-type.ts";
import type { ReferrersOptions } from "../core/remotes.ts";
import { refusal } from "./authorization.ts";
import { parseRemoteUrl } from "./origins.ts";
import type { Place } from "./place.ts";
import { readReferrersTag } from "./referrers-tag.ts";
import type { Registry } from "./registry.ts";
import { statusError } from "./status-errors.ts";
import { collect, type HttpResponse } from "./transport.ts";

/** A registry may answer in pages; one that never comes to an end is left. */
const MAX_PAGES = 200;
const MAX_REFERRERS = 10_000;
/** Of all pages together, which are held in memory. */
const MAX_LIST_BYTES = 2 * MAX_DOCUMENT_BYTES;
/** What registries answer that do not know the API. */
const UNKNOWN_API: ReadonlySet<number> = new Set([404, 405, 501]);

/**
 * OCI distribution spec, "Listing Referrers": by the API of the first place that has it, else by the tag that clients
 * keep in its stead. Throws as `Resolver.referrers`.
 */
export async function listReferrers(
  places: readonly Place[],
  subject: Digest,
  { artifactType }: Pick<ReferrersOptions, "artifactType">,
): Promise<Descriptor[]> {
  const found =
    (await firstOf(places, (place) => askApi(place, subject, artifactType))) ??
    (await firstOf(places, (place) => askTag(place, subject))) ??
    [];
  return artifactType ? found.filter((entry) => entry.artifactType === artifactType) : found;
}

/** Whether the registry lists referrers by itself. */
export async function hasReferrersApi(place: Place, subject: Digest): Promise<boolean> {
  const response = await place.registry.send(apiRequest(place, subject, undefined));
  if (response.status !== 200 && !UNKNOWN_API.has(response.status))
    throw await failure(response, place.registry);
  await response.discard();
  return response.status === 200;
}

/** Mirrors may fail in any way; the last one's words count. */
async function firstOf<T>(
  places: readonly Place[],
  ask: (place: Place) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const [at, place] of places.entries()) {
    try {
      const answer = await ask(place);
      if (answer) return answer;
    } catch (error) {
      if (at === places.length - 1 || !(error instanceof CtrError) || error.code === "Canceled") throw error;
    }
  }
  return undefined;
}

/** Undefined when the registry does not know the API. */
async function askApi(
  place: Place,
  subject: Digest,
  artifactType: string | undefined,
): Promise<Descriptor[] | undefined> {
  const { registry } = place;
  const found: Descriptor[] = [];
  let request = apiRequest(place, subject, artifactType);
  let leftBytes = MAX_LIST_BYTES;
  for (let page = 1; ; page++) {
    const response = await registry.send(request);
    if (page === 1 && UNKNOWN_API.has(response.status)) return void (await response.discard());
    if (response.status !== 200) throw await failure(response, registry);
    const next = nextPage(response, registry);
    const most = Math.min(leftBytes, MAX_DOCUMENT_BYTES);
    const bytes = await collect(response.body(), most, `referrers of ${subject}`);
    leftBytes -= bytes.length;
    found.push(...parseIndex(bytes, listOf(subject)).manifests);
    if (!next) return found;
    if (page === MAX_PAGES || found.length > MAX_REFERRERS) {
      throw new CtrError("ResourceExhausted", `referrers of ${subject}: the registry's list does not end`);
    }
    request = { ...request, path: next };
  }
}

async function askTag(place: Place, subject: Digest): Promise<Descriptor[] | undefined> {
  const document = await readReferrersTag(place, subject);
  return document && parseIndex(document, listOf(subject)).manifests;
}

function apiRequest(
  { path, scope, signal }: Place,
  subject: Digest,
  artifactType: string | undefined,
): Parameters<Registry["send"]>[0] {
  const filter = artifactType ? `?artifactType=${encodeURIComponent(artifactType)}` : "";
  const headers = { accept: mediaTypes.ociIndex };
  return { method: "GET", path: `/${path}/referrers/${subject}${filter}`, headers, scope, signal };
}

/** Stands for a list that has no digest of its own, in messages and for its kind. */
const listOf = (subject: Digest): Descriptor => ({
  mediaType: mediaTypes.ociIndex,
  digest: `of referrers of ${subject}` as Digest,
  size: 0,
});

/** `Link: <…>; rel="next"`: to the registry itself, since our credentials go along. */
function nextPage({ headers, url }: HttpResponse, registry: Registry): URL | undefined {
  const address = /<([^<>]{1,4096})>\s*;\s*rel="?next"?/i.exec(headers.get("link") ?? "")?.[1];
  if (address === undefined) return undefined;
  const what = `next page of referrers of ${registry.url.host}`;
  const next = parseRemoteUrl(address, url, what);
  if (next.origin === registry.url.origin) return next;
  throw new CtrError("PermissionDenied", `${what} is at another host`);
}

async function failure(response: HttpResponse, { transport }: Registry): Promise<CtrError> {
  const error = await statusError(response, transport.secrets);
  return hasCode(error, "Unauthenticated") ? refusal(error) : error;
}
