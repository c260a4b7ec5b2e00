import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, withSubject } from "../../core/errors.ts";
import { JsonFields } from "../../core/json-fields.ts";
import { MAX_LAYERS, parseImageConfig } from "../../core/manifest.ts";
import { type Compression, mediaTypes } from "../../core/media-type.ts";
import { hostPlatform, type Platform } from "../../core/platform.ts";
import { quote } from "../../core/quote.ts";
import { parseReference } from "../../core/reference.ts";
import { convertLayer } from "../convert/convert-layer.ts";
import type { ConvertLayerContext } from "../convert/options.ts";
import { readDocument } from "../fetch-document.ts";
import { manifestLabels } from "../fetch-image.ts";
import { formatLikeGo, writeDocument } from "../write-document.ts";
import type { ArchiveIndex } from "./archive-index.ts";
import type { StoredFile } from "./blob-sink.ts";
import { memberName, memberNames } from "./members.ts";
import { annotationsFor } from "./names.ts";
import type { ArchiveContents } from "./read-archive.ts";

export interface DockerContext extends ConvertLayerContext {
  detectCompression: (head: Uint8Array) => Compression;
  /** Uncompressed layers are stored compressed by gzip. */
  compressBlobs: boolean;
}

const MAX_IMAGES = 10_000;
/** Links to links deeper than this are a circle. */
const MAX_LINKS = 40;

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  none: mediaTypes.dockerLayer,
  gzip: mediaTypes.dockerLayerGzip,
  zstd: mediaTypes.dockerLayerZstd,
};

/** Makes of each image in manifest.json a manifest of Docker's schema 2: byte for byte the real ctr's. */
export async function readDockerManifests(
  manifests: Uint8Array,
  contents: ArchiveContents,
  context: DockerContext,
): Promise<ArchiveIndex> {
  const entries: Descriptor[] = [];
  for (const fields of readList(manifests)) {
    const descriptor = await storeManifest(fields, contents, context);
    const tags = fields.strings("RepoTags", MAX_IMAGES) ?? [];
    if (tags.length === 0) entries.push(descriptor);
    for (const tag of tags) entries.push({ ...descriptor, annotations: annotationsFor(fullName(tag)) });
  }
  return { bytes: Buffer.from(formatLikeGo({ schemaVersion: 2, manifests: entries })), entries };
}

function readList(bytes: Uint8Array): JsonFields[] {
  // The list is wrapped into an object, to be read with the care for strangers' documents.
  const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from("}")]);
  return JsonFields.parse(wrapped, memberNames.manifests).objects("images", MAX_IMAGES) ?? [];
}

function fullName(tag: string): string {
  try {
    return parseReference(tag).name;
  } catch (error) {
    throw withSubject(memberNames.manifests, error);
  }
}

async function storeManifest(
  fields: JsonFields,
  contents: ArchiveContents,
  context: DockerContext,
): Promise<Descriptor> {
  const configFile = findFile(contents, fields.string("Config") ?? "", "config");
  const config = descriptorOf(configFile, mediaTypes.dockerConfig);
  const { platform } = parseImageConfig(await readDocument(context.content, config), config);
  const layers: Descriptor[] = [];
  for (const name of fields.strings("Layers", MAX_LAYERS) ?? []) {
    layers.push(await layerOf(findFile(contents, name, "layer"), context));
  }
  const mediaType = mediaTypes.dockerManifest;
  const document = { schemaVersion: 2, mediaType, config, layers };
  const { digest, size } = await writeDocument(document, manifestLabels(document), context);
  return { mediaType, digest, size, platform: namedPlatform(platform) };
}

async function layerOf(file: StoredFile, context: DockerContext): Promise<Descriptor> {
  const compression = context.detectCompression(file.head);
  const layer = descriptorOf(file, LAYER_TYPES[compression]);
  if (!context.compressBlobs || compression !== "none") return layer;
  return convertLayer(layer, "gzip", context);
}

function findFile({ files, links }: ArchiveContents, written: string, what: string): StoredFile {
  let name = memberName(Buffer.from(written));
  for (let followed = 0; followed < MAX_LINKS && !files.has(name) && links.has(name); followed++) {
    name = links.get(name)!;
  }
  const file = files.get(name);
  if (file) return file;
  throw new CtrError("NotFound", `image ${what} ${quote(written)} in the archive`);
}

const descriptorOf = ({ digest, size }: StoredFile, mediaType: string): Descriptor => ({
  mediaType,
  digest,
  size,
});

/** In Go's order. An image that does not say is taken for this host's. */
function namedPlatform({ os, architecture, variant }: Platform): Platform {
  const host = hostPlatform();
  return {
    architecture: architecture || host.architecture,
    os: os || host.os,
    ...(variant && { variant }),
  };
}
