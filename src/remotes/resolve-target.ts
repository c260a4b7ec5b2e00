import type { Descriptor } from "../core/descriptor.ts";
import { type Digest, isDigest, parseDigest } from "../core/digest.ts";
import { digestOf } from "../core/digester.ts";
import { CtrError } from "../core/errors.ts";
import { JsonFields } from "../core/json-fields.ts";
import { checkDocumentSize, MAX_DOCUMENT_BYTES } from "../core/manifest.ts";
import { isIndexOrManifest, mediaTypes } from "../core/media-type.ts";
import { quote } from "../core/quote.ts";
import type { Reference } from "../core/reference.ts";
import { refusal } from "./authorization.ts";
import { ACCEPTED_MANIFESTS, contentTypeOf } from "./content-type.ts";
import { parseContentLength } from "./range.ts";
import type { Registry } from "./registry.ts";
import { statusError } from "./status-errors.ts";
import { collect, type HttpRequest, type HttpResponse } from "./transport.ts";

const VENDOR_TYPE = /^application\/vnd\.[\w.+-]{1,200}$/;
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

/** Asks with HEAD, and with GET where HEAD does not tell all of media type, digest and size. */
export async function resolveTarget(
  registry: Registry,
  reference: Reference,
  scope: string,
  signal: AbortSignal | undefined,
  pace?: HttpRequest["pace"],
): Promise<Descriptor> {
  const ask = async (method: "HEAD" | "GET") => {
    const path = `/${reference.path}/manifests/${reference.digest ?? reference.tag}`;
    const headers = { accept: ACCEPTED_MANIFESTS };
    return registry.send({ method, path, scope, headers, signal, pace });
  };
  const head = await ask("HEAD");
  if (head.status === 200) {
    const target = fromHeaders(head, reference);
    await head.discard();
    if (target) return target;
  } else if (head.status === 404 || head.status === 410) {
    await head.discard();
    throw new CtrError("NotFound", reference.name);
  } else if (head.status === 429 || head.status >= 500) {
    throw await statusError(head, registry.transport.secrets);
  } else {
    // HEAD has no body, so only GET brings the registry's own words.
    await head.discard();
  }
  const whole = await ask("GET");
  if (whole.status !== 200) throw await resolveFailure(whole, registry, reference);
  return fromDocument(whole, reference);
}

async function resolveFailure(
  response: HttpResponse,
  { transport }: Registry,
  reference: Reference,
): Promise<CtrError> {
  const failure = await statusError(response, transport.secrets);
  if (failure.code === "NotFound") return new CtrError("NotFound", reference.name);
  return failure.code === "Unauthenticated" ? refusal(failure) : failure;
}

/** Undefined when something is missing. Throws InvalidArgument when it is not what was asked for. */
function fromHeaders(response: HttpResponse, { digest: wanted }: Reference): Descriptor | undefined {
  const mediaType = contentTypeOf(response);
  refuseSchema1(mediaType);
  const digest = response.headers.get("docker-content-digest");
  const size = parseContentLength(response.headers.get("content-length"));
  if (!digest || !size || !isDocumentType(mediaType)) return undefined;
  const target = { mediaType, digest: parseDigest(digest), size };
  checkDocumentSize(target);
  if (!wanted || digest === wanted) return target;
  throw new CtrError("InvalidArgument", `registry answers with ${target.digest} when asked for ${wanted}`);
}

async function fromDocument(response: HttpResponse, { digest: wanted }: Reference): Promise<Descriptor> {
  const served = contentTypeOf(response);
  refuseSchema1(served);
  const bytes = await collect(response.body(), MAX_DOCUMENT_BYTES, "manifest");
  const said = response.headers.get("docker-content-digest");
  const digest = digestOf(bytes, wanted ?? (said && isDigest(said) ? said : undefined));
  const promised = wanted ?? said;
  if (promised && promised !== digest) {
    throw new CtrError("DataLoss", `manifest has digest ${digest}, expected ${quote(promised)}`);
  }
  return { mediaType: mediaTypeOf(bytes, served, digest), digest, size: bytes.length };
}

/** What the registry says, else what the document says, else what it looks like: early OCI documents say nothing. */
function mediaTypeOf(bytes: Uint8Array, served: string, digest: Digest): string {
  if (isDocumentType(served)) return served;
  const fields = JsonFields.parse(bytes, `manifest ${digest}`);
  const own = fields.string("mediaType") ?? "";
  refuseSchema1(own);
  if (isDocumentType(own)) return own;
  const names = fields.filledNames();
  if (!own && names.has("manifests")) return mediaTypes.ociIndex;
  if (!own && names.has("config") && names.has("layers")) return mediaTypes.ociManifest;
  const words = `unsupported media type ${quote(own || served)}`;
  throw new CtrError("NotImplemented", words);
}

/**
 * Any kind of manifest that a vendor has thought of, which is stored and handed on as it is. A login page, an error's
 * JSON or bare bytes are none.
 */
const isDocumentType = (mediaType: string): boolean =>
  isIndexOrManifest(mediaType) || VENDOR_TYPE.test(mediaType);

function refuseSchema1(mediaType: string): void {
  if (!SCHEMA_1.test(mediaType)) return;
  throw new CtrError("NotImplemented", "Docker schema 1 image", {
    hint: "push the image again with a current tool; schema 1 ended in 2017",
  });
}
