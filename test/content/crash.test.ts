import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../src/content/index.ts";
import { failure, fileOf, patternBytes, sha256 } from "../suites/content-store.ts";
import { openContent } from "../support/content.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const fixture = (name: string) => join(import.meta.dirname, "../fixtures/content", name);
const LENGTH = 4_000_000;

/** Starts a writer and kills it once it has said that it wrote so much; answers how much it had said. */
async function writeAndKill(root: string, ref: string, killAt: number): Promise<number> {
  const command = [process.execPath, fixture("write-pattern.ts"), root, "one", ref, String(LENGTH)];
  const child = Bun.spawn(command, { stdout: "pipe" });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += Buffer.from(chunk).toString();
    if (lastNumber(printed) >= killAt) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  return lastNumber(printed);
}

function lastNumber(printed: string): number {
  return Number(printed.split("\n").at(-2) ?? 0);
}

test("a writer killed at any offset, again and again, is gone on from, to the right digest", async () => {
  using dir = tempDir();
  using store = openContent(dir.path, "one");
  const bytes = patternBytes(LENGTH);
  for (let killAt = 0; killAt < LENGTH * 0.6; ) {
    const written = await writeAndKill(dir.path, "layer", killAt);
    const [ingest] = await store.ingests();
    assert.ok(ingest!.offset >= written, "what was written is there");
    killAt = Math.max(ingest!.offset, killAt) + Math.floor(Math.random() * LENGTH * 0.3);
  }
  const result = await run([
    process.execPath,
    fixture("write-pattern.ts"),
    dir.path,
    "one",
    "layer",
    String(LENGTH),
  ]);
  // The last one killed may just have made it.
  assert.ok(result.code === 0 || result.stderr.includes("already exists"), result.stderr);
  assert.ok(await store.verify(sha256(bytes)));
  assert.equal(readdirSync(dir.join("content/ingest")), []);
});

test("a collection takes what nobody goes on with as soon as its writer is gone, and not before", async () => {
  using dir = tempDir();
  using store = openContent(dir.path, "one");
  const sweeper = openContentSweeper(dir.path);
  const rule = { untouchedSince: new Date(0), leased: [], released: [] };
  const command = [process.execPath, fixture("write-pattern.ts"), dir.path, "one", "once", "5e7", "once"];
  const child = Bun.spawn(command, { stdout: "pipe" });
  await child.stdout.getReader().read();
  assert.equal(await sweeper.staleIngests(rule), []);
  assert.is((await sweeper.removeIngests(rule)).ingests, 0);
  const resumable = await store.writer("again");
  await resumable.write(Buffer.from("half"));
  await resumable[Symbol.asyncDispose]();
  child.kill("SIGKILL");
  await child.exited;
  mkdirSync(dir.join("content/ingest/half-made"));
  const stale = await sweeper.staleIngests(rule);
  assert.equal(stale.map(({ ref }) => ref).sort(), ["half-made", "once"]);
  assert.is((await sweeper.removeIngests(rule)).ingests, 2);
  assert.equal(
    (await store.ingests()).map(({ ref }) => ref),
    ["again"],
  );
  assert.is(readdirSync(dir.join("content/ingest")).length, 1);
});

for (const isExpected of [true, false]) {
  test(`a crash between name and row is healed by a second writer that ${isExpected ? "knows" : "does not know"} the digest`, async () => {
    using dir = tempDir();
    using store = openContent(dir.path, "one");
    const bytes = Buffer.from("bytes without a row");
    const digest = sha256(bytes);
    const killed = await run([
      ...[process.execPath, fixture("die-before-row.ts"), dir.path, "one", "layer"],
      bytes.toString(),
    ]);
    assert.is(killed.code, 137, killed.stderr);
    assert.ok(await Bun.file(fileOf(dir.path, digest)).exists());
    await failure(store.info(digest), "NotFound");

    if (isExpected) {
      await failure(store.writer("layer", { expected: { digest, size: bytes.length } }), "AlreadyExists");
    } else {
      const writer = await store.writer("layer");
      await writer.write(bytes);
      await writer.commit({ digest });
      assert.equal(await store.ingests(), []);
    }
    assert.ok(await store.verify(digest));
  });
}

test("an ingest whose bytes went bad on disk fails once, then starts over", async () => {
  using dir = tempDir();
  using store = openContent(dir.path, "one");
  const bytes = patternBytes(50_000);
  const digest = sha256(bytes);
  const expected = { digest, size: bytes.length };
  {
    await using writer = await store.writer("layer", { expected });
    // As a power cut leaves them: the length is there, the bytes are not.
    await writer.write(Buffer.alloc(20_000));
  }
  const resumed = await store.writer("layer", { expected });
  await resumed.write(bytes.subarray(resumed.status().offset));
  await failure(resumed.commit({ digest }), "FailedPrecondition");
  const anew = await store.writer("layer", { expected });
  await anew.write(bytes.subarray(anew.status().offset));
  assert.is(await anew.commit({ digest }), digest);
});

test("eight processes bring the same bytes at once, in two namespaces", async () => {
  using dir = tempDir();
  const bytes = patternBytes(300_000);
  const writers = Array.from({ length: 8 }, (_, index) =>
    run([
      ...[process.execPath, fixture("write-pattern.ts"), dir.path],
      ...[index % 2 ? "one" : "two", `ref-${index}`, String(bytes.length)],
    ]),
  );
  const results = await Promise.all(writers);
  assert.is(results.filter(({ code }) => code === 0).length, 2, "one per namespace is first");
  for (const { code, stderr } of results) assert.ok(code === 0 || stderr.includes("AlreadyExists"), stderr);
  for (const namespace of ["one", "two"]) {
    using store = openContent(dir.path, namespace);
    assert.ok(await store.verify(sha256(bytes)));
    assert.equal(await store.ingests(), []);
  }
});

test("a full disk is one clear error, and what is left can be seen and dropped", async () => {
  using dir = tempDir();
  const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir.path]);
  assert.is(mounted.code, 0, mounted.stderr);
  using store = openContent(dir.path, "one");
  store.metadata.leases("one").create({});
  const writer = await store.writer("layer");
  const error = await failure(
    (async () => {
      for (;;) await writer.write(Buffer.alloc(100_000));
    })(),
    "ResourceExhausted",
  );
  assert.not.match(error.message, "\n");
  assert.ok(error.hint);
  await failure(writer.commit(), "ResourceExhausted");
  await failure(store.writer("another"), "ResourceExhausted");
  assert.equal(
    (await store.ingests()).map(({ ref }) => ref),
    ["layer"],
  );
  assert.equal(readdirSync(dir.join("content/ingest")).length, 1);
  await store.abort("layer");
  const again = await store.writer("layer");
  await again.write(Buffer.from("fits"));
  await again.commit();
});

test.run();
