import type { Compression } from "../../core/media-type.ts";

const CHUNK_BYTES = 256 << 10;

/** The bytes of `source`, compressed in a thread of zlib's pool. The same source makes the same bytes. */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const { createGzip, createZstdCompress } = await import("node:zlib");
  const { pipeline } = await import("node:stream");
  const options = { chunkSize: CHUNK_BYTES };
  const stream = compression === "gzip" ? createGzip(options) : createZstdCompress(options);
  // Failures come out of the loop below; the callback only keeps them from being thrown twice.
  pipeline(source, stream, () => {});
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } finally {
    stream.destroy();
  }
}
