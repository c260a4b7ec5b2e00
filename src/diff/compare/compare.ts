import { type ContentStore, commitOrLabel } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import type { CompareOptions } from "../../core/differ.ts";
import type { Digest } from "../../core/digest.ts";
import { CtrError } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import { Measured } from "../../core/measured.ts";
import { type Compression, mediaTypes } from "../../core/media-type.ts";
import type { Mount } from "../../core/mount.ts";
import { randomHex } from "../../core/random.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../../sys/open.ts";
import { compress } from "../compress.ts";
import { changedDirectory } from "./changed-directory.ts";
import { findChanges } from "./changes.ts";
import { Gatherer } from "./gatherer.ts";
import { LayerWriter } from "./layer-writer.ts";
import { openTree } from "./open-tree.ts";

/** What layers are made as; containerd makes no others either. */
const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  [mediaTypes.ociLayer, "none"],
  [mediaTypes.ociLayerGzip, "gzip"],
  [mediaTypes.ociLayerZstd, "zstd"],
]);

/** Between two turns of the event loop. */
const TURN_MS = 20;

export interface Comparer {
  content: ContentStore;
  mountPlaces: string;
}

/** As `Differ.compare`. */
export async function compare(
  { content, mountPlaces }: Comparer,
  lower: readonly Mount[],
  upper: readonly Mount[],
  options: CompareOptions = {},
): Promise<Descriptor> {
  const { mediaType = mediaTypes.ociLayerGzip, ref = `compare-${randomHex(12)}` } = options;
  const compression = COMPRESSIONS.get(mediaType);
  if (compression === undefined)
    throw new CtrError("NotImplemented", `unsupported diff media type: ${mediaType}`);
  await using writer = await content.writer(ref, { isOneOff: options.ref === undefined });
  await writer.truncate();
  const layer = layerBetween(lower, upper, mountPlaces, options);
  const plain = new Measured(options);
  const packed = new Measured();
  for await (const chunk of packed.stream(compress(plain.stream(layer), compression)))
    await writer.write(chunk);
  const descriptor = { mediaType, digest: packed.digest(), size: packed.sizeBytes };
  options.protect?.(descriptor.digest);
  const labels = compression === "none" ? {} : uncompressedLabel(plain.digest());
  await commitOrLabel(content, writer, { ...descriptor, labels: { ...options.labels, ...labels } });
  return descriptor;
}

function uncompressedLabel(diffId: Digest): Labels {
  return { [labelNames.uncompressed]: diffId };
}

/** The uncompressed archive, piece by piece. A large tree without changes leaves others their turn too. */
async function* layerBetween(
  lower: readonly Mount[],
  upper: readonly Mount[],
  mountPlaces: string,
  options: CompareOptions,
): AsyncGenerator<Uint8Array> {
  using trees = new OpenTrees(lower, upper, mountPlaces);
  const writer = new LayerWriter(trees.upperFd, options);
  const gatherer = new Gatherer();
  let turnAt = performance.now() + TURN_MS;
  for (const change of findChanges(trees)) {
    for (const chunk of writer.write(change)) yield* gatherer.add(chunk);
    if (performance.now() < turnAt) continue;
    await new Promise(setImmediate);
    options.signal?.throwIfAborted();
    turnAt = performance.now() + TURN_MS;
  }
  yield* gatherer.add(writer.end());
  yield gatherer.rest();
}

class OpenTrees {
  readonly lowerFd: number;
  readonly upperFd: number;
  readonly changedFd: number | undefined;
  readonly #fds: number[] = [];

  constructor(lower: readonly Mount[], upper: readonly Mount[], mountPlaces: string) {
    try {
      this.lowerFd = this.#keep(openTree(lower, mountPlaces));
      this.upperFd = this.#keep(openTree(upper, mountPlaces));
      const changed = changedDirectory(lower, upper);
      if (changed !== undefined)
        this.changedFd = this.#keep(openAt(AT_FDCWD, changed, O_RDONLY | O_DIRECTORY));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.splice(0)) closeFd(fd);
  }

  #keep(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }
}
