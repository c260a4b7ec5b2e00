import type { Descriptor } from "../../core/descriptor.ts";
import { createLimiter } from "../../core/limiter.ts";
import { type ImageManifest, parseManifest } from "../../core/manifest.ts";
import { isConfig, isLayer, layerCompression } from "../../core/media-type.ts";
import { convertToErofs } from "../erofs/convert-manifest.ts";
import { refKey } from "../fetch-blob.ts";
import { readDocument } from "../fetch-document.ts";
import type { JsonObject } from "../write-document.ts";
import { convertLayer } from "./convert-layer.ts";
import { convertedType, writeManifest } from "./converted-document.ts";
import type { ConvertOptions } from "./options.ts";

/** Each compresses on a core of its own. */
const CONCURRENT_LAYERS = 2;

/** Stores what the manifest has become, with its layers and config. Answers its descriptor, the same if nothing changed. */
export async function convertManifest(descriptor: Descriptor, options: ConvertOptions): Promise<Descriptor> {
  const bytes = await readDocument(options.content, descriptor);
  const manifest = parseManifest(bytes, descriptor);
  const document: JsonObject = JSON.parse(Buffer.from(bytes).toString());
  const { erofs } = options;
  if (erofs && isImage(manifest)) {
    return convertToErofs(descriptor, manifest, document, { ...options, erofs });
  }
  const limit = createLimiter(CONCURRENT_LAYERS);
  for (const layer of manifest.layers) announce(layer, options);
  const layers = await Promise.all(manifest.layers.map((layer) => limit(() => convertBlob(layer, options))));
  const config = { ...manifest.config, mediaType: convertedType(manifest.config, options) };
  const changed =
    convertedType(descriptor, options) !== descriptor.mediaType ||
    config.mediaType !== manifest.config.mediaType ||
    layers.some(({ digest, mediaType }, at) => {
      return digest !== manifest.layers[at]!.digest || mediaType !== manifest.layers[at]!.mediaType;
    });
  return changed ? writeManifest(descriptor, document, { config, layers }, options) : descriptor;
}

/** Attestations and artifacts hold other things than layers. */
const isImage = ({ config, layers }: ImageManifest): boolean =>
  isConfig(config.mediaType) && layers.length > 0 && layers.every(({ mediaType }) => isLayer(mediaType));

/** What is yet to be compressed anew. */
function announce(layer: Descriptor, { compression, onProgress }: ConvertOptions): void {
  if (!compression || [undefined, compression].includes(layerCompression(layer.mediaType))) return;
  onProgress?.({ name: refKey(layer), state: "waiting", total: layer.size });
}

async function convertBlob(layer: Descriptor, options: ConvertOptions): Promise<Descriptor> {
  const converted = options.compression ? await convertLayer(layer, options.compression, options) : layer;
  return { ...converted, mediaType: convertedType(converted, options) };
}
