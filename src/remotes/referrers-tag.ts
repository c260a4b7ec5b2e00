import type { Descriptor } from "../core/descriptor.ts";
import { type Digest, splitDigest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { MAX_DOCUMENT_BYTES, parseIndex } from "../core/manifest.ts";
import { mediaTypes } from "../core/media-type.ts";
import type { Place } from "./place.ts";
import { statusError } from "./status-errors.ts";
import { collect } from "./transport.ts";

/** Others may write the tag at the same time, and the last one wins. */
const MAX_TRIES = 5;
const STORED: ReadonlySet<number> = new Set([200, 201, 202, 204]);

/** OCI distribution spec, "Referrers Tag Schema": the tag of the index that lists what refers to a digest. */
function referrersTag(subject: Digest): string {
  const { algorithm, hex } = splitDigest(subject);
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** The index as it is. Undefined when there is none. */
export async function readReferrersTag(place: Place, subject: Digest): Promise<Uint8Array | undefined> {
  const { registry, path, scope, signal } = place;
  const headers = { accept: mediaTypes.ociIndex };
  const tag = referrersTag(subject);
  const response = await registry.send({
    method: "GET",
    path: `/${path}/manifests/${tag}`,
    headers,
    scope,
    signal,
  });
  if (response.status === 404) return void (await response.discard());
  if (response.status !== 200) throw await statusError(response, registry.transport.secrets);
  return collect(response.body(), MAX_DOCUMENT_BYTES, `referrers of ${subject}`);
}

/**
 * Adds an entry to the index unless it has it, and looks whether it is still there afterwards, since a registry lets
 * two clients overwrite each other. Throws Unavailable when others always win, else what the registry refuses.
 */
export async function addToReferrersTag(place: Place, subject: Digest, entry: Descriptor): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const current = await readReferrersTag(place, subject);
    const entries = current ? entriesOf(current, subject) : [];
    if (entries.some(({ digest }) => digest === entry.digest)) return;
    await write(place, subject, [...entries, entry]);
  }
  throw new CtrError(
    "Unavailable",
    `list of referrers ${referrersTag(subject)}: others keep overwriting it`,
    {
      hint: "push it once more",
    },
  );
}

/** As they were written: another client's fields are not ours to drop. */
function entriesOf(bytes: Uint8Array, subject: Digest): { digest: string }[] {
  const tag = referrersTag(subject);
  try {
    parseIndex(bytes, { mediaType: mediaTypes.ociIndex, digest: subject, size: bytes.length });
  } catch (cause) {
    throw new CtrError("FailedPrecondition", `tag ${tag} is no list of referrers`, { cause });
  }
  return JSON.parse(new TextDecoder().decode(bytes)).manifests ?? [];
}

async function write(place: Place, subject: Digest, manifests: readonly object[]): Promise<void> {
  const { registry, path, scope, signal } = place;
  const mediaType = mediaTypes.ociIndex;
  const response = await registry.send({
    method: "PUT",
    path: `/${path}/manifests/${referrersTag(subject)}`,
    headers: { "content-type": mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
    scope,
    signal,
  });
  if (!STORED.has(response.status)) throw await statusError(response, registry.transport.secrets);
  await response.discard();
}
