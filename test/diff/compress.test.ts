import { createHash } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compress } from "../../src/diff/compress.ts";

/** Compressible, larger than any window of zlib's stream. */
const input = Buffer.from(
  Array.from({ length: 60_000 }, (_, at) =>
    createHash("md5")
      .update(`${at % 9_000}`)
      .digest("hex"),
  ).join(""),
);

async function* inPieces(pieceBytes: number, pause = false): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < input.length; at += pieceBytes) {
    if (pause) await new Promise((resolve) => setImmediate(resolve));
    yield input.subarray(at, at + pieceBytes);
  }
}

async function compressed(source: AsyncIterable<Uint8Array>, to: "none" | "gzip" | "zstd"): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(compress(source, to)));
}

for (const [compression, decompress] of [
  ["none", (bytes: Buffer) => bytes],
  ["gzip", gunzipSync],
  ["zstd", zstdDecompressSync],
] as const) {
  test(`${compression}: the same bytes however they come, and they are the input again`, async () => {
    const first = await compressed(inPieces(input.length), compression);
    assert.ok(input.equals(decompress(first)));
    for (const pieceBytes of [4096, 65_537, 131_072, 1 << 20]) {
      for (const pause of [false, true]) {
        assert.ok(first.equals(await compressed(inPieces(pieceBytes, pause), compression)), `${pieceBytes}`);
      }
    }
  });

  test(`${compression}: a failing source fails as it is, and an early end leaves nothing behind`, async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* inPieces(4096);
      throw new Error("source broke");
    }
    const failure = await compressed(failing(), compression).then(
      () => undefined,
      (error: Error) => error.message,
    );
    assert.is(failure, "source broke");
    let closed = false;
    async function* closing(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield* inPieces(4096);
      } finally {
        closed = true;
      }
    }
    for await (const _ of compress(closing(), compression)) break;
    while (!closed) await new Promise((resolve) => setImmediate(resolve));
  });
}

test("nothing in, a whole empty stream out", async () => {
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  assert.is(gunzipSync(await compressed(nothing(), "gzip")).length, 0);
  assert.is(zstdDecompressSync(await compressed(nothing(), "zstd")).length, 0);
  assert.is((await compressed(nothing(), "none")).length, 0);
});

test.run();
