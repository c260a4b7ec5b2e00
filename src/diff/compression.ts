import { CtrError } from "../core/errors.ts";
import type { Compression } from "../core/media-type.ts";
import { ZstdFrames } from "./zstd-frames.ts";

const GZIP_MAGIC = [0x1f, 0x8b, 0x08];
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const MAGIC_BYTES = 4;
const CHUNK_BYTES = 256 << 10;
const SMALL_BYTES = 256 << 10;
const SMALL_INFLATED_BYTES = 1 << 20;

/** By the first bytes alone, as containerd does: media types lie. A zstd stream may begin with a skippable frame (RFC 8878). */
export function detectCompression(head: Uint8Array): Compression {
  if (GZIP_MAGIC.every((byte, at) => head[at] === byte)) return "gzip";
  if (ZSTD_MAGIC.every((byte, at) => head[at] === byte)) return "zstd";
  const isSkippable = (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
  return isSkippable ? "zstd" : "none";
}

/**
 * The bytes of the uncompressed stream. Works in a thread of zlib's pool, some chunks ahead of the reader. Several
 * gzip members or zstd frames in a row are one stream; zeros behind the last gzip member are ignored. Throws DataLoss
 * for a stream that is cut short or damaged. Failures of `source` come through as they are. `sizeBytes` is how long
 * `source` is, where that is known.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  sizeBytes = Infinity,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const head = await readHead(iterator);
  const whole = continueWith(head, iterator);
  const compression = detectCompression(head);
  if (compression === "none") yield* whole;
  else if (compression === "gzip" && sizeBytes <= SMALL_BYTES) yield* inflateAtOnce(whole);
  else if (compression === "gzip") yield* inflate(whole, "gzip");
  else yield* inflate(followFrames(whole), "zstd");
}

async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < MAGIC_BYTES) {
    const { value, done } = await iterator.next();
    if (done) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  return head;
}

async function* continueWith(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** Small streams are had much sooner without one; what grows large, or is damaged, goes the usual way. */
async function* inflateAtOnce(source: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { gunzipSync } = await import("node:zlib");
  const whole = Buffer.concat(await Array.fromAsync(source));
  let inflated: Uint8Array | undefined;
  try {
    inflated = gunzipSync(whole, { maxOutputLength: SMALL_INFLATED_BYTES });
  } catch {}
  if (inflated) yield inflated;
  else yield* inflate(once(whole), "gzip");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* followFrames(source: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  for await (const chunk of source) {
    frames.push(chunk);
    yield chunk;
  }
  frames.finish();
}

async function* inflate(
  source: AsyncGenerator<Uint8Array>,
  compression: "gzip" | "zstd",
): AsyncGenerator<Uint8Array> {
  const { createGunzip, createZstdDecompress } = await import("node:zlib");
  const { pipeline } = await import("node:stream");
  const options = { chunkSize: CHUNK_BYTES, highWaterMark: 4 * CHUNK_BYTES };
  const stream = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  // Failures come out of the loop below; the callback only keeps them from being thrown twice.
  pipeline(source, stream, () => {});
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw isZlibError(error)
      ? new CtrError("DataLoss", `damaged ${compression} stream`, { cause: error })
      : error;
  } finally {
    stream.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return code.startsWith("Z_") || code.startsWith("ZSTD_") || code.startsWith("ERR_ZSTD");
}
