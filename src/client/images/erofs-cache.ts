import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Descriptor } from "../../core/descriptor.ts";
import { type Digest, splitDigest } from "../../core/digest.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { isForeignLayer, isLayer } from "../../core/media-type.ts";
import type { Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import { randomHex } from "../../core/random.ts";
import { decompress } from "../../diff/compression.ts";
import { openDraftDirectory } from "../../files/drafts.ts";
import { renameDurably } from "../../files/durable.ts";
import { writeErofs } from "../../images/erofs/convert-layer.ts";
import type { MkfsOptions } from "../../images/erofs/mkfs.ts";
import { appendVerity } from "../../images/erofs/verity.ts";
import { nameText } from "../../sys/libc.ts";
import type { Client } from "../open.ts";
import { findImage, openImage } from "./images.ts";

export interface ErofsCacheOptions extends MkfsOptions {
  /** Default: the host's. */
  platform?: Platform;
  /** With a hash tree, and its root in a file beside. */
  withVerity?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/** For whoever mounts them. */
const FILE_MODE = 0o644;
const DRAFT = /^\.build-.*\.(?:erofs|dmverity)$/;

/**
 * Writes a filesystem image of each layer of an image to `DIRECTORY/ALGORITHM/XX/HEX.erofs`, named by its diff ID, as
 * containerd's erofs snapshotter looks for them. Each appears whole or not at all, in place of an earlier one; what
 * an earlier command left that was killed is removed. Throws NotFound for what is not here, and as `writeErofs`.
 */
export async function buildErofsCache(
  client: Client,
  name: string,
  directory: string,
  options: ErofsCacheOptions,
): Promise<void> {
  const image = await findImage(client, name);
  try {
    const { manifest, config } = await openImage(client, image, options.platform);
    mkdirSync(directory, { recursive: true });
    using _ = await openDraftDirectory(directory, (name) => DRAFT.test(nameText(name)));
    for (const [at, layer] of manifest.layers.entries()) {
      if (!isLayer(layer.mediaType) || isForeignLayer(layer.mediaType)) continue;
      const diffId = config.diffIds[at];
      if (!diffId) throw new CtrError("InvalidArgument", `layer ${layer.digest} has no diff ID`);
      await buildLayer(client, layer, diffId, directory, options);
    }
  } catch (error) {
    if (!hasCode(error, "NotFound") || error.hint) throw error;
    const hint = `fetch it with: ctr content fetch ${image.name}`;
    throw new CtrError("NotFound", `image ${JSON.stringify(image.name)}`, { cause: error, hint });
  }
}

async function buildLayer(
  client: Client,
  layer: Descriptor,
  diffId: Digest,
  directory: string,
  { withVerity, onProgress, signal, ...options }: ErofsCacheOptions,
): Promise<void> {
  const { algorithm, hex } = splitDigest(diffId);
  const path = join(directory, algorithm, hex.slice(0, 2), `${hex}.erofs`);
  const draft = join(directory, `.build-${randomHex(9)}`);
  const [image, verity] = [`${draft}.erofs`, `${draft}.dmverity`];
  mkdirSync(dirname(path), { recursive: true });
  try {
    const content = await client.content();
    await writeErofs(layer, diffId, image, options, { content, decompress, onProgress, signal });
    if (withVerity) {
      writeFileSync(verity, await addVerity(image));
      // The root before the file that it belongs to: whoever finds that one looks for it.
      publish(verity, `${path}.dmverity`);
    }
    publish(image, path);
  } catch (error) {
    for (const made of [image, verity]) rmSync(made, { force: true });
    throw error;
  }
}

async function addVerity(path: string): Promise<string> {
  const { rootHash, hashOffset } = await appendVerity(path);
  return JSON.stringify({ roothash: rootHash, hashoffset: hashOffset }, undefined, 2);
}

function publish(draft: string, path: string): void {
  chmodSync(draft, FILE_MODE);
  const fd = openSync(draft, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameDurably(draft, path);
}
