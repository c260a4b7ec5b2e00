import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { openThreads, type Threads } from "../../src/diff/threads.ts";
import { openContent } from "../support/content.ts";
import { diskDir } from "../support/disk-dir.ts";
import { buildLayer, type Layer } from "../support/image.ts";
import type { TempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const test = suite("threads that unpack");

const PROGRAM = join(import.meta.dirname, "../../src/client/unpack-thread.ts");
const DYING = join(import.meta.dirname, "../fixtures/diff/dying-thread.ts");
const directoriesIn = (dir: TempDir) => ({ root: dir.join("state"), mountPlaces: dir.join("mounts") });

const MANY_FILES = 4_000;
const small = buildLayer([{ path: "small", content: "1" }]);
const large = buildLayer(
  Array.from({ length: MANY_FILES }, (_, at) => ({ path: `f${at}`, content: `${at}` })),
  {
    compression: "none",
  },
);

async function store(root: string, ...layers: Layer[]): Promise<void> {
  using content = openContent(root, "default");
  for (const { descriptor, data } of layers) {
    const writer = await content.writer(descriptor.digest);
    await writer.write(data as Uint8Array);
    await writer.commit({ digest: descriptor.digest });
  }
}

function bind(dir: TempDir, name: string) {
  mkdirSync(dir.join(name));
  return [{ type: "bind", source: dir.join(name), options: ["rw", "rbind"] }];
}

function openReal(dir: TempDir, started: Worker[] = []): Threads {
  return openThreads(2, () => {
    const worker = new Worker(PROGRAM, { workerData: directoriesIn(dir) });
    started.push(worker);
    return worker;
  });
}

test("write what they are given, small layers all in one", async () => {
  using dir = diskDir("ext4");
  await store(dir.join("state"), small);
  const started: Worker[] = [];
  using threads = openReal(dir, started);
  const names = ["a", "b", "c", "d"];
  const applied = await Promise.all(names.map((name) => threads.apply(small.descriptor, bind(dir, name))));
  assert.equal(
    applied.map(({ digest }) => digest),
    names.map(() => small.diffId),
  );
  for (const name of names) assert.equal(readdirSync(dir.join(name)), ["small"]);
  assert.is(started.length, 1);
});

test("are several for large layers", async () => {
  using dir = diskDir("ext4");
  await store(dir.join("state"), large);
  const started: Worker[] = [];
  using threads = openReal(dir, started);
  await Promise.all(["a", "b", "c"].map((name) => threads.apply(large.descriptor, bind(dir, name))));
  for (const name of ["a", "b", "c"]) assert.is(readdirSync(dir.join(name)).length, MANY_FILES);
  assert.is(started.length, 2);
});

test("stop when they are told to, and write no more", async () => {
  using dir = diskDir("ext4");
  await store(dir.join("state"), large, small);
  using threads = openReal(dir);
  const stopping = new AbortController();
  const reason = new CtrError("Canceled", "for a test");
  const applying = threads.apply(large.descriptor, bind(dir, "tree"), { signal: stopping.signal });
  await waitFor(() => readdirSync(dir.join("tree")).length > 0, { what: "the first file" });
  stopping.abort(reason);
  assert.is(await applying.catch((error) => error), reason);
  const left = readdirSync(dir.join("tree")).length;
  await threads.apply(small.descriptor, bind(dir, "next"));
  assert.is(readdirSync(dir.join("tree")).length, left);
});

test("tell what is wrong with a layer, by its code and in the same words", async () => {
  using dir = diskDir("ext4");
  await store(dir.join("state"), small);
  using threads = openReal(dir);
  const other = { ...small.descriptor, size: small.descriptor.size + 1 };
  const error = await threads.apply(other, bind(dir, "tree")).catch((error) => error);
  assert.is(error.code, "DataLoss");
  assert.match(error.message, /^unpack layer sha256:\w+: blob of \d+ bytes has \d+: data loss$/);
});

test("that die are failures of their layers, and others take their place", async () => {
  using dir = diskDir("ext4");
  await store(dir.join("state"), small);
  let begun = 0;
  using threads = openThreads(1, () =>
    begun++ === 0 ? new Worker(DYING) : new Worker(PROGRAM, { workerData: directoriesIn(dir) }),
  );
  const error = await threads.apply(small.descriptor, bind(dir, "a")).catch((error) => error);
  assert.is(error.message, "unpacking thread: bad luck: unknown");
  await threads.apply(small.descriptor, bind(dir, "b"));
  assert.equal(readdirSync(dir.join("b")), ["small"]);
});

test.run();
