import type { ContentStore } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import type { Compression } from "../../core/media-type.ts";
import type { Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import type { ErofsConversion } from "../erofs/format.ts";

export interface ConvertLayerContext {
  content: ContentStore;
  /** The stream uncompressed, however it was compressed. */
  decompress: (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  compress: (source: AsyncIterable<Uint8Array>, compression: Compression) => AsyncIterable<Uint8Array>;
  /** Told of each blob before it exists, so that a lease holds it. */
  protect: (digest: Digest) => void;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface ConvertOptions extends ConvertLayerContext {
  /** How layers are to be compressed; as they are without it. */
  compression?: Compression;
  /** Layers become filesystem images, in place of `compression`. */
  erofs?: ErofsConversion;
  /** Docker's media types become OCI's. */
  toOci: boolean;
  /** What an index keeps; entries that name no platform stay in any case. */
  platforms: readonly Platform[] | "all";
}
