import type { Descriptor } from "../../core/descriptor.ts";
import type { Labels } from "../../core/labels.ts";
import type { ImageManifest } from "../../core/manifest.ts";
import { mediaTypes } from "../../core/media-type.ts";
import { manifestLabels } from "../fetch-image.ts";
import { type JsonObject, writeDocument } from "../write-document.ts";
import type { ConvertOptions } from "./options.ts";

const OCI_TYPES: Readonly<Record<string, string>> = {
  [mediaTypes.dockerIndex]: mediaTypes.ociIndex,
  [mediaTypes.dockerManifest]: mediaTypes.ociManifest,
  [mediaTypes.dockerConfig]: mediaTypes.ociConfig,
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayerZstd]: mediaTypes.ociLayerZstd,
  [mediaTypes.dockerForeignLayer]: mediaTypes.ociForeignLayer,
  [mediaTypes.dockerForeignLayerGzip]: mediaTypes.ociForeignLayerGzip,
};

/** The media type that the descriptor is to have. */
export function convertedType({ mediaType }: Descriptor, { toOci }: ConvertOptions): string {
  return (toOci ? OCI_TYPES[mediaType] : undefined) ?? mediaType;
}

/** What else an entry says stays as it is. */
export function withDescriptor(json: JsonObject, { mediaType, digest, size }: Descriptor): JsonObject {
  return { ...json, mediaType, digest, size };
}

/** Stores a manifest with another config and other layers; what else it says stays. Answers its descriptor. */
export async function writeManifest(
  old: Descriptor,
  document: JsonObject,
  { config, layers }: Pick<ImageManifest, "config" | "layers">,
  options: ConvertOptions,
): Promise<Descriptor> {
  const entries = document.layers as JsonObject[];
  const changed = {
    ...document,
    config: withDescriptor(document.config as JsonObject, config),
    layers: layers.map((layer, at) => withDescriptor(entries[at]!, layer)),
  };
  return writeConverted(old, changed, manifestLabels({ config, layers }), options);
}

/** Stores what an index or a manifest has become. Answers its descriptor. */
export async function writeConverted(
  old: Descriptor,
  document: JsonObject,
  labels: Labels,
  options: ConvertOptions,
): Promise<Descriptor> {
  const mediaType = convertedType(old, options);
  const typed = document.mediaType === undefined ? document : { ...document, mediaType };
  const { digest, size } = await writeDocument(typed, labels, options);
  return { ...old, mediaType, digest, size };
}
