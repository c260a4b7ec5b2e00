import { createHash } from "node:crypto";
import { readdirSync, statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContentStore } from "../../src/core/content.ts";
import { type Digest, splitDigest } from "../../src/core/digest.ts";
import { type ErrorCode, hasCode } from "../../src/core/errors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Opens the store of one namespace below a state directory. */
export type OpenContent = (root: string, namespace: string) => ContentStore & Disposable;

/** What every content store promises (`src/core/content.ts`). */
export function contentStoreSuite(name: string, open: OpenContent): void {
  const test = suite(name);

  const inStore = (use: (store: ContentStore, dir: TempDir) => Promise<void>) => async () => {
    using dir = tempDir();
    using store = open(dir.path, "one");
    await use(store, dir);
  };

  test(
    "what is written comes back, in one piece and in parts",
    inStore(async (store) => {
      const bytes = patternBytes(700_000);
      const digest = await add(store, bytes, { labels: { k: "v" } });
      assert.is(digest, sha256(bytes));
      const info = await store.info(digest);
      assert.equal([info.size, info.labels], [bytes.length, { k: "v" }]);
      await using reader = await store.reader(digest);
      assert.is(reader.size, bytes.length);
      assert.ok(Buffer.concat(await Array.fromAsync(reader.stream())).equals(bytes));
      assert.ok(Buffer.concat(await Array.fromAsync(reader.stream(699_990))).equals(bytes.subarray(699_990)));
      assert.ok(Buffer.from(await reader.read(5, 10)).equals(bytes.subarray(5, 15)));
      assert.is((await reader.read(699_999, 10)).length, 1);
      assert.is((await reader.read(700_000, 10)).length, 0);
      assert.ok(await store.verify(digest));
    }),
  );

  test(
    "an empty blob is a blob",
    inStore(async (store) => {
      const digest = await add(store, Buffer.alloc(0));
      await using reader = await store.reader(digest);
      assert.equal(await Array.fromAsync(reader.stream()), []);
    }),
  );

  test(
    "other algorithms are kept under their own name, asked for early or late",
    inStore(async (store) => {
      for (const [algorithm, isEarly] of [
        ["sha512", true],
        ["sha384", false],
      ] as const) {
        const bytes = Buffer.from(`bytes for ${algorithm}`);
        const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
        const writer = await store.writer(algorithm, isEarly ? { expected: { digest } } : {});
        await writer.write(bytes);
        assert.is(await writer.commit({ digest }), digest);
        assert.ok(await store.verify(digest));
      }
    }),
  );

  test(
    "a blob is for reading only, its directories for the owner alone",
    inStore(async (store, dir) => {
      const umask = process.umask(0);
      try {
        const digest = await add(store, Buffer.from("x"));
        const path = fileOf(dir.path, digest);
        assert.is(statSync(path).mode & 0o777, 0o444);
        for (const directory of ["content", "content/blobs", "content/blobs/sha256", "content/ingest"]) {
          assert.is(statSync(join(dir.path, directory)).mode & 0o777, 0o700, directory);
        }
      } finally {
        process.umask(umask);
      }
    }),
  );

  test(
    "an uncommitted writer leaves its bytes for the next of the same ref",
    inStore(async (store) => {
      const bytes = patternBytes(300_000);
      {
        await using writer = await store.writer("layer", { expected: { size: bytes.length } });
        await writer.write(bytes.subarray(0, 100_001));
      }
      const [ingest] = await store.ingests();
      assert.equal([ingest?.ref, ingest?.offset, ingest?.total], ["layer", 100_001, bytes.length]);
      const writer = await store.writer("layer", { expected: { size: bytes.length } });
      assert.is(writer.status().offset, 100_001);
      await writer.write(bytes.subarray(100_001));
      assert.is(await writer.commit({ digest: sha256(bytes), size: bytes.length }), sha256(bytes));
      assert.equal(await store.ingests(), []);
    }),
  );

  test(
    "a writer starts over when told to",
    inStore(async (store) => {
      const writer = await store.writer("r");
      await writer.write(Buffer.from("wrong"));
      await writer.truncate();
      assert.is(writer.status().offset, 0);
      await writer.write(Buffer.from("right"));
      assert.is(await writer.commit(), sha256(Buffer.from("right")));
    }),
  );

  test(
    "one writer per ref: a second is told who has it and since when",
    inStore(async (store) => {
      const started = Date.now();
      await using _ = await store.writer("layer");
      const error = await failure(store.writer("layer"), "Unavailable");
      const [, ref, pid, since] =
        /^ingest "(.*)" is locked by process (\d+) since (\S+):/.exec(error.message) ?? [];
      assert.equal([ref, Number(pid)], ["layer", process.pid]);
      assert.ok(Math.abs(new Date(since!).getTime() - started) < 60_000);
      await failure(store.abort("layer"), "Unavailable");
      await using other = await store.writer("another");
      assert.is(other.status().ref, "another");
    }),
  );

  test(
    "a wrong size or digest is refused; the ingest stays to be seen, and its next writer succeeds",
    inStore(async (store) => {
      const bytes = Buffer.from("some bytes");
      const short = await store.writer("short");
      await short.write(bytes.subarray(0, 4));
      const sizes = await failure(short.commit({ size: bytes.length }), "FailedPrecondition");
      assert.is(sizes.message, '"short" failed size validation: 4 != 10: failed precondition');
      const bad = await store.writer("bad");
      await bad.write(Buffer.from("other byte"));
      const digests = await failure(bad.commit({ digest: sha256(bytes) }), "FailedPrecondition");
      assert.match(
        digests.message,
        `unexpected commit digest ${sha256(Buffer.from("other byte"))}, expected ${sha256(bytes)}`,
      );
      assert.equal((await store.ingests()).map(({ ref }) => ref).sort(), ["bad", "short"]);

      const resumed = await store.writer("short");
      await resumed.write(bytes.subarray(4));
      await resumed.commit({ digest: sha256(bytes) });
      const again = await store.writer("bad");
      assert.is(again.status().offset, 0);
      await again.write(Buffer.from("new"));
      await again.commit({ digest: sha256(Buffer.from("new")) });
    }),
  );

  test(
    "more bytes than were announced are no beginning of anything",
    inStore(async (store) => {
      {
        await using writer = await store.writer("r");
        await writer.write(Buffer.from("much too long"));
      }
      await using writer = await store.writer("r", { expected: { size: 4 } });
      assert.is(writer.status().offset, 0);
    }),
  );

  test(
    "a closed writer says so, and closing twice is fine",
    inStore(async (store) => {
      const writer = await store.writer("r");
      await writer.write(Buffer.from("x"));
      await writer.commit();
      await failure(writer.write(Buffer.from("y")), "FailedPrecondition");
      await failure(writer.commit(), "FailedPrecondition");
      await writer[Symbol.asyncDispose]();
    }),
  );

  test(
    "what is there already is not written again",
    inStore(async (store) => {
      const bytes = Buffer.from("twice");
      const digest = await add(store, bytes);
      await failure(store.writer("r", { expected: { digest, size: bytes.length } }), "AlreadyExists");
      assert.equal(await store.ingests(), []);
      const writer = await store.writer("unknown");
      await writer.write(bytes);
      await failure(writer.commit({ digest }), "AlreadyExists");
      assert.equal(await store.ingests(), []);
    }),
  );

  test("bytes are shared by namespaces, and seen only where they are known", async () => {
    using dir = tempDir();
    using one = open(dir.path, "one");
    using two = open(dir.path, "two");
    const bytes = Buffer.from("shared");
    const digest = await add(one, bytes, { labels: { mine: "true" } });
    await failure(two.info(digest), "NotFound");
    await failure(two.reader(digest), "NotFound");
    assert.equal(await Array.fromAsync(two.walk()), []);
    await using _ = await one.writer("only-in-one");
    assert.equal(await two.ingests(), []);
    await failure(two.abort("only-in-one"), "NotFound");

    await failure(two.writer("r", { expected: { digest } }), "AlreadyExists");
    assert.equal((await two.info(digest)).labels, {});
    await one.delete(digest);
    assert.ok(await two.verify(digest));
    await two.delete(digest);
    assert.not.ok(exists(fileOf(dir.path, digest)));
  });

  test(
    "labels merge or replace",
    inStore(async (store) => {
      const digest = await add(store, Buffer.from("x"), { labels: { a: "1", b: "2" } });
      assert.equal((await store.label(digest, { a: "", c: "3" })).labels, { b: "2", c: "3" });
      assert.equal((await store.label(digest, { d: "4" }, "replace")).labels, { d: "4" });
      await failure(store.label(sha256(Buffer.from("no")), { d: "4" }), "NotFound");
      const found = await Array.fromAsync(store.walk(["labels.d==4"]));
      assert.equal(
        found.map((info) => info.digest),
        [digest],
      );
    }),
  );

  test(
    "bytes that are missing or cut are noticed, and the next writer brings them back",
    inStore(async (store, dir) => {
      const bytes = patternBytes(5000);
      const digest = await add(store, bytes, { labels: { kept: "true" } });
      const path = fileOf(dir.path, digest);
      for (const damage of [() => unlinkSync(path), () => truncateSync(path, 100)]) {
        damage();
        const error = await failure(store.reader(digest), "DataLoss");
        assert.ok(error.hint);
        assert.not.ok(await store.verify(digest));
        const writer = await store.writer("repair", { expected: { digest, size: bytes.length } });
        await writer.write(bytes);
        await writer.commit({ digest, labels: { more: "true" } });
        assert.ok(await store.verify(digest));
        assert.equal((await store.info(digest)).labels, { kept: "true", more: "true" });
      }
    }),
  );

  test(
    "bytes that changed are found by looking, and dropped only if they did",
    inStore(async (store, dir) => {
      const bytes = patternBytes(5000);
      const digest = await add(store, bytes);
      await store.discardBytes(digest);
      assert.ok(await store.verify(digest));
      writeFileSync(fileOf(dir.path, digest), Buffer.alloc(5000, 1));
      assert.not.ok(await store.verify(digest));
      await store.discardBytes(digest);
      assert.not.ok(exists(fileOf(dir.path, digest)));
      assert.is((await store.info(digest)).size, 5000);
      await add(store, bytes);
      assert.ok(await store.verify(digest));
    }),
  );

  test(
    "a file cut while it is read is an error, never a short answer",
    inStore(async (store, dir) => {
      const digest = await add(store, patternBytes(3_000_000));
      await using reader = await store.reader(digest);
      truncateSync(fileOf(dir.path, digest), 1_000_000);
      await failure(Array.fromAsync(reader.stream()), "DataLoss");
    }),
  );

  test(
    "ingests are listed by filter and aborted by ref",
    inStore(async (store, dir) => {
      for (const ref of ["a", "layer-sha256:0"]) {
        await using writer = await store.writer(ref);
        await writer.write(Buffer.from("x"));
      }
      assert.equal(
        (await store.ingests(['ref=="layer-sha256:0"'])).map(({ ref }) => ref),
        ["layer-sha256:0"],
      );
      await store.abort("a");
      await failure(store.abort("a"), "NotFound");
      await store.abort("layer-sha256:0");
      assert.equal(readdirSync(join(dir.path, "content/ingest")), []);
    }),
  );

  test(
    "what is not there is not found",
    inStore(async (store) => {
      const digest = sha256(Buffer.from("nothing"));
      for (const work of [
        store.info(digest),
        store.reader(digest),
        store.delete(digest),
        store.verify(digest),
      ]) {
        const error = await failure(work, "NotFound");
        assert.is(error.message, `content digest ${digest}: not found`);
      }
      assert.equal(await store.ingests(), []);
    }),
  );

  test(
    "a one-off writer that does not commit leaves nothing, and does not take what another began",
    inStore(async (store, dir) => {
      const ingests = join(dir.path, "content/ingest");
      for (const commits of [false, true]) {
        await using writer = await store.writer("once", { isOneOff: true });
        await writer.write(Buffer.from("half"));
        assert.is((await store.ingests()).length, 1);
        if (commits) await failure(writer.commit({ size: 5 }), "FailedPrecondition");
        await writer[Symbol.asyncDispose]();
        assert.equal(readdirSync(ingests), []);
      }
      const done = await store.writer("once", { isOneOff: true });
      await done.commit();
      await using other = await store.writer("once");
      await done[Symbol.asyncDispose]();
      assert.is(other.status().ref, "once");
      assert.is(readdirSync(ingests).length, 1);
    }),
  );

  test.run();
}

export async function add(
  store: ContentStore,
  bytes: Uint8Array,
  { ref = "test", labels }: { ref?: string; labels?: Record<string, string> } = {},
): Promise<Digest> {
  const writer = await store.writer(ref);
  await writer.write(bytes);
  return writer.commit({ labels });
}

export async function failure(work: Promise<unknown>, code: ErrorCode) {
  const error = await work.then(
    () => new Error(`no failure where ${code} was expected`),
    (reason: unknown) => reason,
  );
  if (!hasCode(error, code)) throw error;
  return error;
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** Bytes that differ at every place, the same each time. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, value = 1; at < length; at++) {
    value = (Math.imul(value, 1103515245) + 12345) >>> 0;
    bytes[at] = value >>> 16;
  }
  return bytes;
}

export function fileOf(root: string, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return join(root, "content/blobs", algorithm, hex);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
