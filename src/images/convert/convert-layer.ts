import { type ContentReader, type ContentStore, commitOrLabel } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { labelNames } from "../../core/labels.ts";
import { Measured } from "../../core/measured.ts";
import { type Compression, isForeignLayer, layerCompression } from "../../core/media-type.ts";
import { randomHex } from "../../core/random.ts";
import { refKey } from "../fetch-blob.ts";
import type { ConvertLayerContext } from "./options.ts";

/**
 * Stores the layer once more in another compression and answers its new descriptor; the same one when it is so
 * already, and for what registries need not hold and is not here. Throws NotFound, DataLoss for a damaged layer.
 */
export async function convertLayer(
  layer: Descriptor,
  compression: Compression,
  context: ConvertLayerContext,
): Promise<Descriptor> {
  const { content } = context;
  if ([undefined, compression].includes(layerCompression(layer.mediaType))) return layer;
  const reader = await openLayer(content, layer);
  if (!reader) return layer;
  await using _ = reader;
  return await recompress(layer, reader, compression, context);
}

async function recompress(
  layer: Descriptor,
  reader: ContentReader,
  compression: Compression,
  context: ConvertLayerContext,
): Promise<Descriptor> {
  const { content, onProgress, signal } = context;
  const name = refKey(layer);
  const source = new Measured({
    like: layer.digest,
    onProgress: (offset) => onProgress?.({ name, state: "converting", offset, total: layer.size }),
  });
  const tar = new Measured();
  const result = new Measured({ signal });
  const ref = `convert-${compression}-${layer.digest}-${randomHex(6)}`;
  await using writer = await content.writer(ref, { isOneOff: true });
  const uncompressed = tar.stream(context.decompress(source.stream(reader.stream())));
  for await (const chunk of result.stream(context.compress(uncompressed, compression)))
    await writer.write(chunk);
  if (source.digest() !== layer.digest) throw new CtrError("DataLoss", `layer ${layer.digest} is damaged`);
  const digest = result.digest();
  context.protect(digest);
  const labels = { [labelNames.uncompressed]: tar.digest() };
  await commitOrLabel(content, writer, { digest, size: result.sizeBytes, labels });
  onProgress?.({ name, state: "done", offset: layer.size, total: layer.size });
  const mediaType = compressedType(layer.mediaType, compression);
  return { ...layer, mediaType, digest, size: result.sizeBytes };
}

async function openLayer(content: ContentStore, layer: Descriptor) {
  try {
    return await content.reader(layer.digest);
  } catch (error) {
    if (hasCode(error, "NotFound") && isForeignLayer(layer.mediaType)) return undefined;
    throw error;
  }
}

/** OCI writes `.tar+gzip`, Docker `.tar.gzip`. */
function compressedType(mediaType: string, compression: Compression): string {
  const plain = mediaType.replace(/[.+](?:gzip|zstd)$/, "");
  if (compression === "none") return plain;
  return `${plain}${mediaType.startsWith("application/vnd.docker.") ? "." : "+"}${compression}`;
}
