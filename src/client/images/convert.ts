import { ifPresent } from "../../core/errors.ts";
import type { Compression } from "../../core/media-type.ts";
import type { Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import type { Image } from "../../core/records.ts";
import { compress } from "../../diff/compress.ts";
import { decompress } from "../../diff/compression.ts";
import { convertImage } from "../../images/convert/convert-image.ts";
import type { ErofsConversion, ErofsFormat } from "../../images/erofs/format.ts";
import { withLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { withWorkspace } from "../workspace.ts";
import { findImage } from "./images.ts";

export interface ConvertRequest {
  /** How layers are to be compressed; as they are without it. */
  compression?: Compression;
  /** Layers become filesystem images instead. */
  erofs?: ErofsFormat;
  /** Docker's media types become OCI's. */
  toOci: boolean;
  /** What is kept of an index. */
  platforms: readonly Platform[] | "all";
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/**
 * Makes another image of one that is here and records it, with the labels of the first, under a name that it takes
 * from another image if need be (`hasReplaced`). Throws NotFound when something of the image is missing.
 */
export async function convert(
  client: Client,
  source: string,
  name: string,
  request: ConvertRequest,
): Promise<{ image: Image; hasReplaced: boolean }> {
  const image = await findImage(client, source);
  const content = await client.content();
  const images = await client.images();
  const metadata = await client.metadata();
  const { erofs, ...plain } = request;
  return withLease(client, async ({ protect }) => {
    const make = (erofs?: ErofsConversion) =>
      convertImage(image.target, {
        ...plain,
        erofs,
        content,
        compress,
        decompress,
        protect: (id) => protect({ type: "content", id }),
      });
    const { mediaType, digest, size } = erofs
      ? await withWorkspace(client, (directory) => make({ ...erofs, directory }))
      : await make();
    const draft = { name, target: { mediaType, digest, size }, labels: image.labels };
    return metadata.transaction(() => {
      const replaced = ifPresent(() => images.update(name, () => draft));
      return { image: replaced ?? images.create(draft), hasReplaced: replaced !== undefined };
    });
  });
}
