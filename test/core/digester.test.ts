import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseDigest } from "../../src/core/digest.ts";
import { Digester, digestOf } from "../../src/core/digester.ts";
import { Measured } from "../../src/core/measured.ts";

const HELLO = Buffer.from("hello");

const expected = (algorithm: string) => `${algorithm}:${createHash(algorithm).update(HELLO).digest("hex")}`;

const digests = suite("digester");

digests("names bytes by sha256, or by the algorithm of the digest that they are to have", () => {
  assert.is(digestOf(HELLO), expected("sha256"));
  for (const algorithm of ["sha256", "sha384", "sha512"]) {
    assert.is(digestOf(HELLO, parseDigest(expected(algorithm))), expected(algorithm));
  }
});

digests("takes bytes in pieces", () => {
  assert.is(new Digester().update("he").update(HELLO.subarray(2)).digest(), expected("sha256"));
});

digests.run();

const measured = suite("measured");

async function* pieces() {
  yield HELLO.subarray(0, 2);
  yield HELLO.subarray(2);
}

measured("hands on the same bytes, counts them, tells how far it is, and knows their digest", async () => {
  const told: number[] = [];
  const like = parseDigest(expected("sha512"));
  const meter = new Measured({ like, onProgress: (sizeBytes) => told.push(sizeBytes) });
  assert.equal(Buffer.concat(await Array.fromAsync(meter.stream(pieces()))), HELLO);
  assert.is(meter.digest(), like);
  assert.is(meter.sizeBytes, HELLO.length);
  assert.equal(told, [2, 5]);
});

measured("stops where the signal says so", async () => {
  const stop = new AbortController();
  const meter = new Measured({ signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
  const outcome = await Array.fromAsync(meter.stream(pieces())).catch((error: Error) => error.message);
  assert.is(outcome, "enough");
});

measured.run();
