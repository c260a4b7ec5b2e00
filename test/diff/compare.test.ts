import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentStore } from "../../src/content/index.ts";
import type { ContentStore } from "../../src/core/content.ts";
import type { Differ } from "../../src/core/differ.ts";
import { hasCode } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import type { Mount } from "../../src/core/mount.ts";
import { openDiffer } from "../../src/diff/index.ts";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import { changeAtRandom } from "../support/random-changes.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";
import { openSnapshotState, type SnapshotState } from "../support/unpack.ts";

interface Bench {
  dir: TempDir;
  state: SnapshotState;
  content: ContentStore;
  differ: Differ;
}

const withBench = (use: (bench: Bench) => Promise<void>) => async () => {
  using dir = tempDir();
  await using state = await openSnapshotState(dir.join("state"));
  const content = openContentStore({
    root: state.root,
    namespace: "default",
    records: state.metadata.content("default"),
  });
  await use({ dir, state, content, differ: openDiffer({ content, mountPlaces: dir.join("mounts") }) });
};

async function bytesOf(
  content: ContentStore,
  digest: Parameters<ContentStore["reader"]>[0],
): Promise<Buffer> {
  await using reader = await content.reader(digest);
  return Buffer.concat(await Array.fromAsync(reader.stream()));
}

function within<T>({ dir }: Bench, mounts: readonly Mount[], use: (place: string) => T): T {
  const place = dir.join(`at-${crypto.randomUUID()}`);
  mkdirSync(place);
  mountAll(mounts, place);
  try {
    return use(place);
  } finally {
    unmountAll(place);
  }
}

const bind = (source: string): Mount => ({ type: "bind", source, options: ["rw", "rbind"] });

/** containerd's layers have whole seconds and no attributes but capabilities. */
const comparable = (root: string) =>
  listTree(root, { without: ["xattrs"] })
    .slice(1)
    .map((line) => line.replace(/(mtime=-?\d+)\d{9}/, "$1"));

test(
  "what is made of random changes makes the same changes",
  withBench(async (bench) => {
    const { state, differ } = bench;
    const { snapshotter } = state;
    let [parent, copyParent] = ["", ""];
    for (let at = 1; at <= 8; at++) {
      const mounts = await snapshotter.prepare(`key-${at}`, parent);
      within(bench, mounts, (root) => changeAtRandom(root, at + 100, 80));
      const layer = await differ.compare(await snapshotter.view(`below-${at}`, parent), mounts);
      const copy = await snapshotter.prepare(`copy-key-${at}`, copyParent);
      await differ.apply(layer, copy);
      assert.equal(within(bench, copy, comparable), within(bench, mounts, comparable));
      [parent, copyParent] = [`layer-${at}`, `copy-${at}`];
      await snapshotter.commit(parent, `key-${at}`);
      await snapshotter.commit(copyParent, `copy-key-${at}`);
    }
  }),
);

test(
  "an overlay's own directory tells the same as both trees in full",
  withBench(async (bench) => {
    const { state, differ } = bench;
    const { snapshotter } = state;
    const base = await snapshotter.prepare("base-key", "");
    within(bench, base, (root) => changeAtRandom(root, 7, 400));
    await snapshotter.commit("base", "base-key");
    const lower = await snapshotter.view("view", "base");
    const upper = await snapshotter.prepare("key", "base");
    within(bench, upper, (root) => changeAtRandom(root, 8, 300));
    const short = await differ.compare(lower, upper);
    const [before, after] = [bench.dir.join("before"), bench.dir.join("after")];
    for (const place of [before, after]) mkdirSync(place);
    mountAll(lower, before);
    mountAll(upper, after);
    assert.equal(await differ.compare([bind(before)], [bind(after)]), short);
  }),
);

test(
  "media types say how it is compressed, and the label what it is uncompressed",
  withBench(async ({ dir, content, differ }) => {
    const [empty, tree] = [dir.join("empty"), dir.join("tree")];
    for (const place of [empty, tree]) mkdirSync(place);
    changeAtRandom(tree, 1, 100);
    const make = async (mediaType?: string) => {
      const descriptor = await differ.compare([bind(empty)], [bind(tree)], { mediaType });
      return { ...descriptor, bytes: await bytesOf(content, descriptor.digest) };
    };
    const plain = await make(mediaTypes.ociLayer);
    const gzip = await make();
    const zstd = await make(mediaTypes.ociLayerZstd);
    assert.is(gzip.mediaType, mediaTypes.ociLayerGzip);
    assert.equal(gunzipSync(gzip.bytes), plain.bytes);
    assert.equal(zstdDecompressSync(zstd.bytes), plain.bytes);
    const diffId = `sha256:${createHash("sha256").update(plain.bytes).digest("hex")}`;
    assert.is(plain.digest, diffId);
    for (const { digest } of [gzip, zstd]) {
      assert.equal((await content.info(digest)).labels, { "containerd.io/uncompressed": diffId });
    }
    assert.is((await make()).digest, gzip.digest);
    assert.equal(await content.ingests(), []);
    try {
      await make("application/vnd.docker.image.rootfs.diff.tar");
      assert.unreachable();
    } catch (error) {
      assert.ok(hasCode(error, "NotImplemented"), `${error}`);
    }
  }),
);

test(
  "a failure leaves an ingest only where its name was given",
  withBench(async ({ dir, content, differ }) => {
    const tree = dir.join("tree");
    mkdirSync(tree);
    const gone = bind(join(tree, "nowhere"));
    for (const ref of [undefined, "mine"]) {
      await differ.compare([gone], [bind(tree)], { ref }).then(
        () => assert.unreachable(),
        (error) => {
          assert.ok(hasCode(error, "NotFound"), `${error}`);
        },
      );
    }
    assert.equal(
      (await content.ingests()).map(({ ref }) => ref),
      ["mine"],
    );
    const { digest } = await differ.compare([bind(tree)], [bind(tree)], {
      ref: "mine",
      labels: { who: "me" },
    });
    assert.is((await content.info(digest)).labels.who, "me");
    assert.equal(await content.ingests(), []);
  }),
);

test(
  "a FIFO and a device are compared without being opened, and a socket is left out",
  withBench(async ({ dir, content, differ }) => {
    const [before, after] = [dir.join("before"), dir.join("after")];
    for (const place of [before, after]) {
      mkdirSync(place);
      execFileSync("mkfifo", [join(place, "fifo")]);
      execFileSync("mknod", [join(place, "zero"), "c", "1", "5"]);
      execFileSync("touch", ["-d", "@1000000000", join(place, "fifo"), join(place, "zero")]);
    }
    const server = createServer().listen(join(after, "socket"));
    try {
      const { digest } = await differ.compare([bind(before)], [bind(after)], {
        mediaType: mediaTypes.ociLayer,
      });
      assert.equal(await bytesOf(content, digest), Buffer.alloc(1024));
    } finally {
      server.close();
    }
  }),
);

test(
  "memory does not grow with the layer",
  withBench(async ({ dir, differ }) => {
    const [empty, tree] = [dir.join("empty"), dir.join("tree")];
    for (const place of [empty, tree]) mkdirSync(place);
    writeFileSync(join(tree, "sparse"), "");
    truncateSync(join(tree, "sparse"), 1 << 29);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    let peak = 0;
    const onProgress = () => {
      peak = Math.max(peak, process.memoryUsage.rss());
    };
    const { size } = await differ.compare([bind(empty)], [bind(tree)], { onProgress });
    assert.ok(size < 2 << 20, `${size}`);
    assert.ok(peak - before < 120 << 20, `${(peak - before) >> 20} MiB more`);
  }),
);

test.run();
