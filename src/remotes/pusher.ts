import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { digestOf } from "../core/digester.ts";
import { CtrError, hasCode, withSubject } from "../core/errors.ts";
import { checkDocumentSize } from "../core/manifest.ts";
import { isIndexOrManifest } from "../core/media-type.ts";
import type { Reference } from "../core/reference.ts";
import type { Pusher, PushOptions, PushOutcome, Referral } from "../core/remotes.ts";
import { refusal } from "./authorization.ts";
import { uploadBlob } from "./blob-upload.ts";
import { ACCEPTED_MANIFESTS } from "./content-type.ts";
import type { Place } from "./place.ts";
import { hasReferrersApi } from "./referrers.ts";
import { addToReferrersTag } from "./referrers-tag.ts";
import type { Registry } from "./registry.ts";
import { statusError } from "./status-errors.ts";
import { checkStoredDigest } from "./stored-digest.ts";

const STORED: ReadonlySet<number> = new Set([200, 201, 202, 204]);

/** Writes one repository. */
export function createPusher(registry: () => Promise<Registry>, reference: Reference): Pusher {
  const { path } = reference;
  const scope = `repository:${path}:pull,push`;
  return {
    async push(descriptor, content, options = {}) {
      const { isTarget = false, signal } = options;
      const { mediaType, digest } = descriptor;
      try {
        const target: Place = { registry: await registry(), path, scope, signal };
        const isDocument = isTarget || isIndexOrManifest(mediaType);
        if (!isDocument) return await pushBlob(descriptor, content, target, options);
        const name = nameFor(reference, descriptor, isTarget);
        const { outcome, isListed } = await pushDocument(descriptor, content, target, name);
        if (options.referral && !isListed) await keepListed(target, descriptor, options.referral);
        return outcome;
      } catch (error) {
        const failure = hasCode(error, "Unauthenticated") ? refusal(error, "push") : error;
        throw withSubject(`failed to push ${digest}`, failure);
      }
    },
  };
}

/** The target goes by its tag, all else by its digest. */
function nameFor(reference: Reference, { digest }: Descriptor, isTarget: boolean): string {
  if (!isTarget) return digest;
  if (reference.digest && reference.digest !== digest) {
    throw new CtrError("InvalidArgument", `${reference.name} names another digest`);
  }
  return reference.tag ?? digest;
}

async function pushBlob(
  descriptor: Descriptor,
  content: ContentProvider,
  target: Place,
  options: PushOptions,
): Promise<PushOutcome> {
  const { registry, path, scope, signal } = target;
  const head = await registry.send({
    method: "HEAD",
    path: `/${path}/blobs/${descriptor.digest}`,
    scope,
    signal,
  });
  await head.discard();
  // Whatever else it answers, it says why when something is sent.
  return head.status === 200 ? "exists" : uploadBlob(target, descriptor, content, options);
}

/** `isListed`: the registry has understood that the document is about another. */
async function pushDocument(
  descriptor: Descriptor,
  content: ContentProvider,
  { registry, path, scope, signal }: Place,
  name: string,
): Promise<{ outcome: PushOutcome; isListed: boolean }> {
  const { mediaType, digest } = descriptor;
  const request = { path: `/${path}/manifests/${name}`, scope, signal };
  const accept = isIndexOrManifest(mediaType) ? ACCEPTED_MANIFESTS : `${mediaType}, */*`;
  const head = await registry.send({ ...request, method: "HEAD", headers: { accept } });
  await head.discard();
  const known = name === digest ? digest : head.headers.get("docker-content-digest");
  if (head.status === 200 && known === digest) return { outcome: "exists", isListed: false };
  const body = await readVerified(descriptor, content);
  const response = await registry.send({
    ...request,
    method: "PUT",
    headers: { "content-type": mediaType },
    body,
  });
  if (!STORED.has(response.status)) throw await statusError(response, registry.transport.secrets);
  await response.discard();
  checkStoredDigest(response, digest);
  return { outcome: "pushed", isListed: response.headers.has("oci-subject") };
}

/** Where a registry keeps no list of referrers, clients do: OCI distribution spec, "Pushing Manifests with Subject". */
async function keepListed(
  place: Place,
  { mediaType, digest, size }: Descriptor,
  { subject, artifactType, annotations }: Referral,
): Promise<void> {
  if (await hasReferrersApi(place, subject)) return;
  const more = { ...(artifactType && { artifactType }), ...(annotations && { annotations }) };
  await addToReferrersTag(place, subject, { mediaType, digest, size, ...more });
}

/** A registry that is pushed to by tag cannot know what the bytes should have been. */
async function readVerified(descriptor: Descriptor, content: ContentProvider): Promise<Uint8Array> {
  checkDocumentSize(descriptor);
  await using reader = await content.reader(descriptor.digest);
  const bytes = await reader.read(0, reader.size);
  if (digestOf(bytes, descriptor.digest) === descriptor.digest) return bytes;
  throw new CtrError("DataLoss", `content ${descriptor.digest}: its bytes are damaged`, {
    hint: "pull the image again: damaged blobs are fetched anew",
  });
}
