import { createReadStream, rmSync } from "node:fs";
import { join } from "node:path";
import { commitOrLabel } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError } from "../../core/errors.ts";
import { labelNames } from "../../core/labels.ts";
import { Measured } from "../../core/measured.ts";
import { erofsLayerType } from "../../core/media-type.ts";
import { randomHex } from "../../core/random.ts";
import type { ConvertLayerContext } from "../convert/options.ts";
import { refKey } from "../fetch-blob.ts";
import type { ErofsConversion, ErofsFormat } from "./format.ts";
import { type MkfsOptions, makeErofs } from "./mkfs.ts";

export interface ErofsLayer {
  descriptor: Descriptor;
  /** Of the filesystem image, which takes the archive's place in the config. */
  diffId: Digest;
}

/** Stores a filesystem image of the layer. Throws as `writeErofs`. */
export async function convertLayerToErofs(
  layer: Descriptor,
  diffId: Digest,
  format: ErofsConversion,
  context: ConvertLayerContext,
): Promise<ErofsLayer> {
  const path = join(format.directory, "layer.erofs");
  try {
    await writeErofs(layer, diffId, path, format, context);
    return await store(layer, path, format, context);
  } finally {
    rmSync(path, { force: true });
  }
}

/**
 * Writes a filesystem image of the layer to `path`. Throws NotFound, DataLoss for a layer that is damaged or not what
 * the config says, and as `makeErofs`.
 */
export async function writeErofs(
  layer: Descriptor,
  diffId: Digest,
  path: string,
  options: MkfsOptions,
  { content, decompress, onProgress, signal }: Omit<ConvertLayerContext, "protect" | "compress">,
): Promise<void> {
  const name = refKey(layer);
  const source = new Measured({
    like: layer.digest,
    signal,
    onProgress: (offset) => onProgress?.({ name, state: "converting", offset, total: layer.size }),
  });
  const tar = new Measured({ like: diffId });
  await using reader = await content.reader(layer.digest);
  await makeErofs(tar.stream(decompress(source.stream(reader.stream()))), path, diffId, options);
  if (source.digest() !== layer.digest) throw new CtrError("DataLoss", `layer ${layer.digest} is damaged`);
  const found = tar.digest();
  if (found !== diffId) {
    throw new CtrError("DataLoss", `wrong diff id ${found} of layer ${layer.digest}, expected ${diffId}`);
  }
  onProgress?.({ name, state: "done", offset: layer.size, total: layer.size });
}

async function store(
  layer: Descriptor,
  path: string,
  { wrapping }: ErofsFormat,
  { content, compress, protect, signal }: ConvertLayerContext,
): Promise<ErofsLayer> {
  const plain = new Measured();
  const packed = new Measured({ signal });
  const ref = `convert-erofs-${layer.digest}-${randomHex(6)}`;
  await using writer = await content.writer(ref, { isOneOff: true });
  for await (const chunk of packed.stream(compress(plain.stream(createReadStream(path)), wrapping)))
    await writer.write(chunk);
  const [diffId, digest] = [plain.digest(), packed.digest()];
  protect(digest);
  const labels = { [labelNames.uncompressed]: diffId };
  await commitOrLabel(content, writer, { digest, size: packed.sizeBytes, labels });
  const mediaType = erofsLayerType(wrapping);
  return { descriptor: { ...layer, mediaType, digest, size: packed.sizeBytes }, diffId };
}
