import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { parseIndex } from "../../core/manifest.ts";
import { isIndex, isIndexOrManifest } from "../../core/media-type.ts";
import { formatPlatform, platformDistance } from "../../core/platform.ts";
import { withErofs } from "../erofs/convert-config.ts";
import { readDocument } from "../fetch-document.ts";
import { indexLabels } from "../fetch-image.ts";
import type { JsonObject } from "../write-document.ts";
import { convertManifest } from "./convert-manifest.ts";
import { convertedType, withDescriptor, writeConverted } from "./converted-document.ts";
import type { ConvertOptions } from "./options.ts";

/** What each document has become: an index can name the same ones over and over. */
type Converted = Map<Digest, Descriptor>;

/** An attestation says by it which manifest it is about. */
const REFERENCE_ANNOTATION = "vnd.docker.reference.digest";

/**
 * Makes another image of one: the answer is its target, the same where nothing changed. The same input gives the same
 * digests, the real ctr's. Throws NotFound when a blob, or every platform wanted, is missing.
 */
export async function convertImage(
  target: Descriptor,
  options: ConvertOptions,
  converted: Converted = new Map(),
): Promise<Descriptor> {
  const { mediaType, digest } = target;
  if (!isIndexOrManifest(mediaType)) {
    throw new CtrError("NotImplemented", `media type ${JSON.stringify(mediaType)} of ${digest}`);
  }
  const known = converted.get(digest);
  if (known) return known;
  const made = isIndex(mediaType)
    ? await convertIndex(target, options, converted)
    : await convertManifest(target, options);
  converted.set(digest, made);
  return made;
}

async function convertIndex(
  descriptor: Descriptor,
  options: ConvertOptions,
  known: Converted,
): Promise<Descriptor> {
  const bytes = await readDocument(options.content, descriptor);
  const { manifests } = parseIndex(bytes, descriptor);
  const document: JsonObject = JSON.parse(Buffer.from(bytes).toString());
  const entries = document.manifests as JsonObject[];
  const kept = manifests.flatMap((entry, at) =>
    isWanted(entry, options.platforms) ? [{ entry, json: entries[at]! }] : [],
  );
  if (kept.length === 0) throw noPlatform(descriptor, options.platforms);
  const renamed = new Map<string, Digest>();
  const converted: { descriptor: Descriptor; json: JsonObject }[] = [];
  for (const { entry, json } of kept) {
    const made = await convertEntry(entry, options, known);
    renamed.set(entry.digest, made.digest);
    // The same manifest may be there for several platforms.
    const platform = options.erofs && made.platform && withErofs(entry.platform ?? made.platform);
    const described = withDescriptor(json, made);
    converted.push({ descriptor: made, json: platform ? { ...described, platform } : described });
  }
  const changed =
    kept.length !== manifests.length ||
    convertedType(descriptor, options) !== descriptor.mediaType ||
    kept.some(({ entry }) => renamed.get(entry.digest) !== entry.digest);
  if (!changed) return descriptor;
  const changes = { manifests: converted.map(({ json }) => followReference(json, renamed)) };
  const labels = indexLabels({ manifests: converted.map((one) => one.descriptor) });
  return writeConverted(descriptor, { ...document, ...changes }, labels, options);
}

async function convertEntry(
  entry: Descriptor,
  options: ConvertOptions,
  known: Converted,
): Promise<Descriptor> {
  if (!isIndexOrManifest(entry.mediaType)) return entry;
  try {
    return await convertImage(entry, options, known);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    const what = entry.platform ? formatPlatform(entry.platform) : entry.digest;
    throw new CtrError("NotFound", `convert ${what}`, {
      cause: error,
      hint: "pull it first, or leave it out with --platform",
    });
  }
}

function isWanted({ platform }: Descriptor, platforms: ConvertOptions["platforms"]): boolean {
  if (platforms === "all" || !platform) return true;
  return platforms.some((wanted) => platformDistance(wanted, platform) === 0);
}

function followReference(json: JsonObject, renamed: ReadonlyMap<string, Digest>): JsonObject {
  const annotations = json.annotations as Record<string, string> | undefined;
  const digest = renamed.get(annotations?.[REFERENCE_ANNOTATION] ?? "");
  return digest ? { ...json, annotations: { ...annotations, [REFERENCE_ANNOTATION]: digest } } : json;
}

function noPlatform({ digest }: Descriptor, platforms: ConvertOptions["platforms"]): CtrError {
  const names = platforms === "all" ? "any" : platforms.map(formatPlatform).join(", ");
  return new CtrError("NotFound", `no match for platform ${names} in index ${digest}`);
}
