import type { Descriptor } from "./descriptor.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { CtrError } from "./errors.ts";
import { JsonFields } from "./json-fields.ts";
import { isIndex, isIndexOrManifest, isManifest } from "./media-type.ts";
import { normalizePlatform, type Platform, platformDistance } from "./platform.ts";
import { quote } from "./quote.ts";

export {
  type ContainerDefaults,
  chainIds,
  type ImageConfig,
  isImageConfig,
  MAX_LAYERS,
  parseImageConfig,
} from "./image-config.ts";
export { checkDocumentSize, MAX_DOCUMENT_BYTES } from "./json-fields.ts";

/** What several images, one per platform, share: OCI image spec, image-index.md; Docker's manifest list. */
export interface ImageIndex {
  mediaType: string;
  artifactType?: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

/** OCI image spec, manifest.md; Docker's schema 2. Layers from the base up. */
export interface ImageManifest {
  mediaType: string;
  artifactType?: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

const MAX_ENTRIES = 10_000;
/** Looser than RFC 6838, but nothing that a header or a terminal would take for a command. */
const MEDIA_TYPE = /^[\x20-\x7e]{1,255}$/;
const PLATFORM_WORD = /^[A-Za-z0-9_.+-]{0,64}$/;
const ATTESTATION_ANNOTATION = "vnd.docker.reference.type";

/**
 * Reads an index that `descriptor` names. Throws InvalidArgument for anything that is not plainly one: another
 * media type than the descriptor's, fields of a manifest beside (CVE-2021-41190), malformed entries, more than
 * `MAX_DOCUMENT_BYTES`.
 */
export function parseIndex(bytes: Uint8Array, descriptor: Descriptor): ImageIndex {
  const subject = `index ${descriptor.digest}`;
  const fields = readDocument(bytes, descriptor, subject);
  const filled = fields.filledNames();
  if (!isIndex(descriptor.mediaType) || filled.has("config") || filled.has("layers")) {
    throw mixed(subject, "expected index but found manifest", descriptor);
  }
  return {
    mediaType: descriptor.mediaType,
    manifests: descriptors(fields, "manifests"),
    ...commonFields(fields),
  };
}

/** Reads a manifest that `descriptor` names. Throws as `parseIndex` does. */
export function parseManifest(bytes: Uint8Array, descriptor: Descriptor): ImageManifest {
  const subject = `manifest ${descriptor.digest}`;
  const fields = readDocument(bytes, descriptor, subject);
  if (!isManifest(descriptor.mediaType) || fields.filledNames().has("manifests")) {
    throw mixed(subject, "expected manifest but found index", descriptor);
  }
  const config = fields.object("config");
  if (!config) throw fields.wrong("config", "present");
  return {
    mediaType: descriptor.mediaType,
    config: readDescriptor(config),
    layers: descriptors(fields, "layers"),
    ...commonFields(fields),
  };
}

/** False for attestations and other entries that are about an image and run nowhere. */
export function isRunnable(entry: Descriptor): boolean {
  if (entry.annotations?.[ATTESTATION_ANNOTATION]) return false;
  return entry.platform?.os !== "unknown" && entry.platform?.architecture !== "unknown";
}

/**
 * The entries of an index to fetch for those platforms: for each the best match, once. Images that name no platform
 * stand in when none matches, since only their configs can tell; parts that are no image (a checkpoint's) belong to
 * the index whatever the platform. Empty when nothing fits.
 */
export function selectManifests(
  entries: readonly Descriptor[],
  platforms: readonly Platform[],
): Descriptor[] {
  const runnable = entries.filter(isRunnable);
  const isImage = ({ mediaType }: Descriptor) => isIndexOrManifest(mediaType);
  const matches = new Set(platforms.map((wanted) => bestMatch(runnable.filter(isImage), wanted)));
  const chosen = runnable.filter((entry) => matches.has(entry));
  const images = chosen.length > 0 ? chosen : runnable.filter((entry) => isImage(entry) && !entry.platform);
  const parts = runnable.filter((entry) => !isImage(entry));
  return [...images, ...parts];
}

function bestMatch(entries: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  let best: { entry: Descriptor; distance: number } | undefined;
  for (const entry of entries) {
    const distance = entry.platform && platformDistance(wanted, entry.platform);
    if (distance !== undefined && distance < (best?.distance ?? Infinity)) best = { entry, distance };
  }
  return best?.entry;
}

/** Checks what indexes and manifests have in common; the kind of document is the caller's to check. */
function readDocument(bytes: Uint8Array, descriptor: Descriptor, subject: string): JsonFields {
  const fields = JsonFields.parse(bytes, subject);
  const filled = fields.filledNames();
  if (fields.count("schemaVersion") === 1 || filled.has("fslayers")) {
    throw new CtrError("NotImplemented", `${subject}: Docker schema 1 image`, {
      hint: "push the image again with a current tool; schema 1 ended in 2017",
    });
  }
  if (filled.has("manifests") && filled.has("layers")) {
    throw mixed(subject, 'found both "manifests" and "layers"', descriptor);
  }
  const mediaType = fields.string("mediaType");
  if (mediaType && mediaType !== descriptor.mediaType) {
    throw mixed(subject, `expected ${descriptor.mediaType} but found ${quote(mediaType)}`, descriptor);
  }
  return fields;
}

function mixed(subject: string, words: string, { mediaType }: Descriptor): CtrError {
  return new CtrError("InvalidArgument", `${subject}: media-type: ${words} (${mediaType})`);
}

function commonFields(fields: JsonFields): Pick<ImageIndex, "artifactType" | "subject" | "annotations"> {
  const artifactType = fields.string("artifactType");
  const subject = fields.object("subject");
  const annotations = fields.stringMap("annotations");
  return {
    ...(artifactType && { artifactType }),
    ...(subject && { subject: readDescriptor(subject) }),
    ...(annotations && { annotations }),
  };
}

function descriptors(fields: JsonFields, name: string): Descriptor[] {
  return (fields.objects(name, MAX_ENTRIES) ?? []).map(readDescriptor);
}

/** Reads a descriptor out of any document. Throws InvalidArgument. */
export function readDescriptor(fields: JsonFields): Descriptor {
  const mediaType = fields.string("mediaType");
  const size = fields.count("size");
  if (!mediaType || !MEDIA_TYPE.test(mediaType)) throw fields.wrong("mediaType", "a media type");
  if (size === undefined) throw fields.wrong("size", "a size");
  const platform = readPlatform(fields.object("platform"));
  const urls = fields.strings("urls", MAX_ENTRIES);
  const annotations = fields.stringMap("annotations");
  const artifactType = fields.string("artifactType");
  return {
    mediaType,
    digest: readDigest(fields, "digest"),
    size,
    ...(platform && { platform }),
    ...(urls?.length && { urls }),
    ...(annotations && { annotations }),
    ...(artifactType && { artifactType }),
  };
}

function readDigest(fields: JsonFields, name: string): Digest {
  return parseDigest(fields.string(name) ?? "");
}

/** Undefined when it says neither system nor architecture, as in descriptors that Go wrote with an empty struct. */
function readPlatform(fields: JsonFields | undefined): Platform | undefined {
  const os = fields?.string("os") ?? "";
  const architecture = fields?.string("architecture") ?? "";
  if (!fields || (!os && !architecture)) return undefined;
  const variant = fields.string("variant") ?? "";
  for (const [name, word] of Object.entries({ os, architecture, variant })) {
    if (!PLATFORM_WORD.test(word)) throw fields.wrong(name, "part of a platform");
  }
  const osVersion = fields.string("os.version");
  const osFeatures = fields.strings("os.features", MAX_ENTRIES);
  return normalizePlatform({
    os,
    architecture,
    ...(variant && { variant }),
    ...(osVersion && { "os.version": osVersion }),
    ...(osFeatures && { "os.features": osFeatures }),
  });
}
