import type { Transform } from "node:stream";
import type { Compression } from "../core/media-type.ts";

const CHUNK_BYTES = 256 << 10;

/**
 * The bytes of the stream compressed, the same for the same input: no time or name is in them. Works in a thread of
 * zlib's pool. Failures of `source` come through as they are.
 */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const { createGzip, createZstdCompress, constants } = await import("node:zlib");
  const options = { chunkSize: CHUNK_BYTES };
  const checksummed = { ...options, params: { [constants.ZSTD_c_checksumFlag]: 1 } };
  const stream = compression === "gzip" ? createGzip(options) : createZstdCompress(checksummed);
  const fed = feed(source, stream);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
    await fed;
  } finally {
    stream.destroy();
  }
}

/**
 * What comes out depends on the pieces that go in, and for zstd on whether the end is known with the last: so pieces
 * are of one size, and the end comes after them. Failures go through the stream; the promise never rejects.
 */
async function feed(source: AsyncIterable<Uint8Array>, stream: Transform): Promise<void> {
  try {
    for await (const piece of inEqualPieces(source)) {
      await new Promise<void>((resolve, reject) => {
        stream.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
}

async function* inEqualPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + CHUNK_BYTES - filled);
      piece.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < CHUNK_BYTES) continue;
      yield piece;
      piece = Buffer.allocUnsafe(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
