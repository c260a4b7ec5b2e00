import { readdirSync, statSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CtrError, hasCode } from "../../src/core/errors.ts";
import { openApplier } from "../../src/diff/index.ts";
import { attack, openCanary } from "../support/canary.ts";
import { blobOf, buildLayer, digestOf } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import { type TarEntry, tarBytes } from "../support/tar-bytes.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";
import {
  applyToDirectory,
  contentOf,
  openSnapshotState,
  unpackAndList,
  unpackLayers,
} from "../support/unpack.ts";

const names = (lines: readonly string[]) => lines.map((line) => line.split(" ")[0]);
const directory = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  type: "directory",
  ...more,
});

test("the answer describes the uncompressed layer, to its last byte behind the archive's end", async () => {
  using dir = tempDir();
  const tar = Buffer.concat([
    tarBytes([{ path: "a", content: "x" }]),
    Buffer.from("ignored, but part of the diff ID"),
  ]);
  const packings = {
    plain: tar,
    gzip: gzipSync(tar),
    zstd: zstdCompressSync(tar),
    "two members": Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
    "padded gzip": Buffer.concat([gzipSync(tar), Buffer.alloc(512)]),
    "two frames": Buffer.concat([zstdCompressSync(tar.subarray(0, 5)), zstdCompressSync(tar.subarray(5))]),
    "skippable frame": Buffer.concat([Buffer.from("502a4d1804000000deadbeef", "hex"), zstdCompressSync(tar)]),
  };
  for (const [name, bytes] of Object.entries(packings)) {
    // The media type lies: what counts is how the bytes begin.
    const layer = { ...blobOf("application/vnd.oci.image.layer.v1.tar+zstd", bytes), diffId: digestOf(tar) };
    const answer = await applyToDirectory(dir.join(name), layer);
    assert.equal([answer.digest, answer.size], [digestOf(tar), tar.length], name);
    assert.equal(readdirSync(dir.join(name)), ["a"], name);
  }
  const empty = await applyToDirectory(dir.join("empty"), { ...blobOf("x", ""), diffId: digestOf("") });
  assert.equal([empty.digest, empty.size], [digestOf(""), 0]);
});

test("a blob that is not what its descriptor says is DataLoss", async () => {
  using dir = tempDir();
  const layer = buildLayer([{ path: "a", content: "x".repeat(5000) }], { compression: "none" });
  const bytes = layer.data as Uint8Array<ArrayBuffer>;
  const changed = Buffer.from(bytes);
  changed[600]! ^= 1;
  const wrong = { changed, shorter: bytes.subarray(0, -1), longer: Buffer.concat([bytes, Buffer.alloc(1)]) };
  for (const [name, data] of Object.entries(wrong)) {
    const error = await applyToDirectory(dir.join(name), { ...layer, data: new Uint8Array(data) }).catch(
      (reason: unknown) => reason,
    );
    assert.ok(hasCode(error, "DataLoss"), `${name}: ${error}`);
    assert.ok((error as CtrError).message.includes(layer.descriptor.digest));
  }
});

test("progress counts uncompressed bytes, and an abort stops", async () => {
  using dir = tempDir();
  const layer = buildLayer([{ path: "a", content: Buffer.alloc(3_000_000, "0123456789") }]);
  const seen: number[] = [];
  const differ = openApplier({ content: contentOf([layer]), mountPlaces: dir.join("mounts") });
  const mount = { type: "bind", source: dir.path, options: ["rw", "rbind"] };
  const { size } = await differ.apply(layer.descriptor, [mount], { onProgress: (bytes) => seen.push(bytes) });
  assert.is(seen.at(-1), size);
  assert.equal(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  const stop = new AbortController();
  const stopped = differ.apply(layer.descriptor, [mount], {
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  assert.is(await stopped.catch((reason: unknown) => reason), stop.signal.reason);
});

/** Whatever the order within a layer, its whiteouts hide what is below and nothing of its own. */
const WHITEOUT_LAYER: TarEntry[] = [
  { path: ".wh.file" },
  { path: "file", content: "own" },
  { path: ".wh.directory" },
  directory("directory"),
  { path: "directory/own", content: "own" },
  { path: "opaque/.wh..wh..opq" },
  { path: "opaque/own", content: "own" },
  { path: "opaque/sub/own", content: "own" },
  { path: ".wh.gone" },
  { path: "implied/own", content: "own" },
  { path: ".wh.implied" },
];
const BELOW: TarEntry[] = [
  "file",
  "directory/below",
  "opaque/below",
  "opaque/sub/below",
  "opaque/other/below",
  "gone/below",
  "implied/below",
  "kept",
].map((path) => ({ path, content: "below" }));
const SEEN = [
  ".",
  "directory",
  "directory/own",
  "file",
  "implied",
  "implied/own",
  "kept",
  "opaque",
  "opaque/own",
  "opaque/sub",
  "opaque/sub/own",
];
const ORDERS: Record<string, TarEntry[]> = {
  "as written": WHITEOUT_LAYER,
  reversed: [...WHITEOUT_LAYER].reverse(),
};

for (const [order, layer] of Object.entries(ORDERS)) {
  test(`whiteouts of an overlay hide only what is below: ${order}`, async () => {
    using dir = tempDir();
    assert.equal(names(await unpackAndList(dir, [BELOW, layer])), SEEN);
  });

  test(`whiteouts in a plain directory remove only what was there before: ${order}`, async () => {
    using dir = tempDir();
    const root = dir.join("root");
    await applyToDirectory(root, BELOW);
    await applyToDirectory(root, layer);
    assert.equal(names(listTree(root)), SEEN);
  });
}

test("a hard link to a file of a layer below takes that file with it", async () => {
  using dir = tempDir();
  const below: TarEntry[] = [
    directory("d", { mode: 0o710, uid: 5 }),
    {
      path: "d/file",
      content: "below".repeat(1000),
      mode: 0o4755,
      uid: 7,
      mtimeSeconds: 9.5,
      xattrs: { "user.x": "y" },
    },
    { path: "d/link", type: "symlink", linkTarget: "file" },
  ];
  const above: TarEntry[] = [
    { path: "new", type: "hardlink", linkTarget: "d/file", mode: 0o755, uid: 8, mtimeSeconds: 10 },
    { path: "new-link", type: "hardlink", linkTarget: "d/link" },
  ];
  const lines = await unpackAndList(dir, [below, [], above]);
  assert.match(lines[1]!, /^d directory 0710 5:0 /);
  assert.match(lines[2]!, /^d\/file file 0755 8:0 5000 .* mtime=10000000000 user.x=0x79 links=2/);
  assert.match(lines.find((line) => line.startsWith("new "))!, /^new file 0755 8:0 5000 .* same-as=d\/file$/);
  assert.match(lines.find((line) => line.startsWith("new-link "))!, /symlink .* -> file .*same-as=d\/link$/);
});

test("a hard link to what the layer itself has hidden is refused", async () => {
  using dir = tempDir();
  await using state = await openSnapshotState(dir.join("state"));
  const error = await unpackLayers(state, [
    [{ path: "file" }],
    [{ path: ".wh.file" }, { path: "new", type: "hardlink", linkTarget: "file" }],
  ]).catch((reason: unknown) => reason);
  assert.ok(hasCode(error, "InvalidArgument"), String(error));
});

test("types that no filesystem has are refused by name", async () => {
  using dir = tempDir();
  const tar = Buffer.from(tarBytes([{ path: "odd", content: "x" }]));
  tar[156] = "V".charCodeAt(0);
  tar.write("        ", 148, "latin1");
  tar.write(
    `${tar
      .subarray(0, 512)
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  );
  const error = await attack(openCanary(dir), [buildLayer(tar)]);
  assert.match(error!.message, /layer entry "odd": type "V": invalid argument/);
});

test("other mounts than overlay and bind are unpacked through, and none is left behind", async () => {
  using dir = tempDir();
  const image = dir.join("image.ext4");
  writeFileSync(image, "");
  await run(["truncate", "-s", "16M", image]);
  const made = await run(["mkfs.ext4", "-q", image]);
  assert.is(made.code, 0, made.stderr);
  const device = (await run(["losetup", "--find", "--show", image])).stdout.trim();
  try {
    await unpackOntoDevice(device, dir.join("mounts"));
    const listed = await run(["debugfs", "-R", "ls -p /", image]);
    assert.match(listed.stdout, /\/kept\//);
    assert.not.match(listed.stdout, /\/gone\//);
  } finally {
    await run(["losetup", "--detach", device]);
  }
});

async function unpackOntoDevice(device: string, mountPlaces: string): Promise<void> {
  const layers = [buildLayer([{ path: "gone" }, { path: "kept" }]), buildLayer([{ path: ".wh.gone" }])];
  const differ = openApplier({ content: contentOf(layers), mountPlaces });
  for (const { descriptor } of layers)
    await differ.apply(descriptor, [{ type: "ext4", source: device, options: [] }]);
  const mounts = await Bun.file("/proc/self/mounts").text();
  assert.not.ok(mounts.includes(`${device} `));
}

test("no program that lies on PATH is executed", async () => {
  using dir = tempDir();
  for (const name of ["unpigz", "igzip", "gzip", "zstd", "tar"]) {
    writeFileSync(dir.join("bin", name), `#!/bin/sh\ntouch ${dir.join("executed")}\n`, { mode: 0o755 });
  }
  const path = process.env.PATH;
  process.env.PATH = dir.join("bin");
  try {
    await applyWithBoth(dir);
  } finally {
    process.env.PATH = path;
  }
  assert.not.ok(readdirSync(dir.path).includes("executed"));
  assert.ok(statSync(dir.join("gzip/a")).isFile());
});

async function applyWithBoth(dir: TempDir): Promise<void> {
  for (const compression of ["gzip", "zstd"] as const) {
    await applyToDirectory(dir.join(compression), buildLayer([{ path: "a" }], { compression }));
  }
}

test.run();
