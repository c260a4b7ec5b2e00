import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError } from "../../core/errors.ts";
import { type ImageManifest, parseImageConfig } from "../../core/manifest.ts";
import { isForeignLayer } from "../../core/media-type.ts";
import { convertedType, writeManifest } from "../convert/converted-document.ts";
import type { ConvertOptions } from "../convert/options.ts";
import { readDocument } from "../fetch-document.ts";
import type { JsonObject } from "../write-document.ts";
import { convertConfig, withErofs } from "./convert-config.ts";
import { convertLayerToErofs, type ErofsLayer } from "./convert-layer.ts";
import type { ErofsConversion } from "./format.ts";

/**
 * Stores the image with filesystem images for layers, made one after the other: the program that makes them takes
 * memory, and every core there is. Its platform says that it needs them. Throws InvalidArgument for a config that does
 * not have a diff ID for each layer, and as `convertLayerToErofs`.
 */
export async function convertToErofs(
  descriptor: Descriptor,
  { config: oldConfig, layers: oldLayers }: ImageManifest,
  document: JsonObject,
  options: ConvertOptions & { erofs: ErofsConversion },
): Promise<Descriptor> {
  const { diffIds, platform } = parseImageConfig(await readDocument(options.content, oldConfig), oldConfig);
  if (diffIds.length !== oldLayers.length) {
    const words = `image has ${oldLayers.length} layers but ${diffIds.length} diff IDs`;
    throw new CtrError("InvalidArgument", words);
  }
  const made: ErofsLayer[] = [];
  for (const [at, layer] of oldLayers.entries()) {
    const diffId = diffIds[at]!;
    made.push(
      isForeignLayer(layer.mediaType)
        ? { descriptor: layer, diffId }
        : await convertLayerToErofs(layer, diffId, options.erofs, options),
    );
  }
  const featured = withErofs(descriptor.platform ?? platform);
  const newIds = made.map(({ diffId }) => diffId);
  const config = typed(await convertConfig(oldConfig, newIds, featured, options), options);
  const layers = made.map((layer) => typed(layer.descriptor, options));
  const stored = await writeManifest(descriptor, document, { config, layers }, options);
  return { ...stored, platform: featured };
}

function typed(descriptor: Descriptor, options: ConvertOptions): Descriptor {
  return { ...descriptor, mediaType: convertedType(descriptor, options) };
}
