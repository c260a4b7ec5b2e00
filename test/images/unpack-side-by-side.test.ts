import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unpackContext } from "../../src/client/images/unpack.ts";
import { withLease } from "../../src/client/lease.ts";
import { type Client, openClient } from "../../src/client/open.ts";
import { hasCode } from "../../src/core/errors.ts";
import { isConfig } from "../../src/core/media-type.ts";
import { unpackImage } from "../../src/images/unpack.ts";
import { diskDir } from "../support/disk-dir.ts";
import { type BuiltImage, buildImage, buildLayer, type Layer } from "../support/image.ts";
import { createRandom, type Random } from "../support/random-changes.ts";
import type { TarEntry } from "../support/tar-bytes.ts";
import type { TempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";
import { openSnapshotState, type SnapshotState, unpackLayers } from "../support/unpack.ts";

const test = suite("layers unpacked side by side");
const OLD = 1_000_000_000;

/** Each needs of the one below what a layer can need. */
const NEEDY: readonly (readonly TarEntry[])[] = [
  [
    {
      path: "a/",
      type: "directory",
      mode: 0o751,
      uid: 5,
      gid: 6,
      mtimeSeconds: OLD,
      xattrs: { "user.a": "1" },
    },
    { path: "a/b/", type: "directory", mode: 0o700, uid: 7, gid: 8, mtimeSeconds: OLD },
    { path: "a/gone", content: "gone" },
    { path: "target", content: "hard", uid: 9, xattrs: { "user.t": "2" } },
    { path: "shared/", type: "directory", mode: 0o2775, gid: 50, mtimeSeconds: OLD },
    { path: "usr/lib/", type: "directory" },
    { path: "lib", type: "symlink", linkTarget: "usr/lib" },
  ],
  [{ path: "a/b/implied", content: "1" }],
  [{ path: "a/.wh.gone" }, { path: "a/b/.wh..wh..opq" }, { path: "a/b/c/new", content: "2" }],
  [{ path: "name", type: "hardlink", linkTarget: "target" }],
  [{ path: "shared/inherits/group", content: "3" }],
  [
    { path: "a/b/late", content: "4" },
    { path: "a/b/", type: "directory", mode: 0o711, mtimeSeconds: OLD },
  ],
  [
    { path: "a/b/x", content: "5" },
    { path: "a/b", type: "symlink", linkTarget: "elsewhere" },
  ],
  [{ path: "lib/over-a-link", content: "6" }],
  [{ path: ".wh.a" }, { path: "a/again", content: "7" }],
];

interface Unpacked {
  trees: string[][];
  failure?: string;
}

test("each is what it would be above its parent, whatever it needs of it", async () => {
  using dir = diskDir("ext4");
  assert.equal(await sideBySide(dir, NEEDY), await oneAfterTheOther(dir, NEEDY));
});

test("random layers end in the same trees, or fail with the same words", async () => {
  using dir = diskDir("ext4");
  for (let seed = 1; seed <= 40; seed++) {
    const layers = randomLayers(createRandom(seed));
    assert.equal(await sideBySide(dir, layers), await oneAfterTheOther(dir, layers), `seed ${seed}`);
  }
});

test("the first failure stops all, and leaves no snapshot of those above", async () => {
  using dir = diskDir("ext4");
  await using client = openClient({ root: dir.join("state"), state: dir.join("run") });
  const layers = [
    [{ path: "one", content: "1" }],
    [{ path: "name", type: "hardlink" as const, linkTarget: "nowhere" }],
    ...Array.from({ length: 8 }, (_, at) => [{ path: `${at}`, content: "x" }]),
  ];
  const failure = await unpack(client, build(layers)).catch((error) => error);
  assert.ok(hasCode(failure, "InvalidArgument"), failure);
  const keys = (await Array.fromAsync((await client.snapshotter()).walk())).map(({ key }) => key);
  assert.equal(keys, [build(layers).layers[0]!.diffId]);
});

test("several namespaces and processes' worth of pulls at once make each layer once", async () => {
  using dir = diskDir("ext4");
  const image = build(
    Array.from({ length: 12 }, (_, at) => [{ path: `d${at % 3}/${at}`, content: `${at}` }]),
  );
  const clients = ["one", "one", "two", "three"].map((namespace) =>
    openClient({ root: dir.join("state"), state: dir.join("run"), namespace }),
  );
  const tops = await Promise.all(clients.map((client) => unpack(client, image)));
  assert.is(new Set(tops).size, 1);
  const ids = new Set<number>();
  for (const [at, namespace] of ["one", "two", "three"].entries()) {
    const metadata = await clients[at === 0 ? 0 : at + 1]!.metadata();
    const chain = metadata.snapshots(namespace, "overlayfs").chain(tops[0]!);
    assert.is(chain.length, 12);
    for (const { directoryId } of chain) ids.add(directoryId);
    assert.is(metadata.snapshots(namespace, "overlayfs").list().length, 12);
  }
  assert.is(ids.size, 12);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

async function sideBySide(dir: TempDir, contents: readonly (readonly TarEntry[])[]): Promise<Unpacked> {
  const root = dir.join(`side-${crypto.randomUUID()}`);
  await using client = openClient({ root, state: dir.join("run") });
  try {
    const top = await unpack(client, build(contents));
    const chain = (await client.metadata()).snapshots("default", "overlayfs").chain(top);
    return { trees: chain.map(({ directoryId }) => contentOfLayer(root, directoryId)) };
  } catch (error) {
    return { trees: [], failure: (error as Error).message };
  }
}

async function oneAfterTheOther(dir: TempDir, contents: readonly (readonly TarEntry[])[]): Promise<Unpacked> {
  const root = dir.join(`after-${crypto.randomUUID()}`);
  await using state: SnapshotState = await openSnapshotState(root);
  try {
    const top = await unpackLayers(state, build(contents).layers);
    const chain = state.metadata.snapshots("default", "overlayfs").chain(top);
    return { trees: chain.map(({ directoryId }) => contentOfLayer(root, directoryId)) };
  } catch (error) {
    return { trees: [], failure: (error as Error).message };
  }
}

/** What the snapshot's own directory holds; times of now, which differ, are left out. */
function contentOfLayer(root: string, id: number): string[] {
  const recently = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  return listTree(join(root, "snapshots/overlayfs", `${id}`, "fs")).map((line) =>
    line.replace(/mtime=(\d+)/, (field, time) => (BigInt(time) > recently ? "mtime=now" : field)),
  );
}

async function unpack(client: Client, image: TestImage): Promise<string> {
  const content = await client.content();
  return withLease(client, async (lease) => {
    for (const { descriptor, data } of image.blobs) {
      const { digest, size } = descriptor;
      lease.protect({ type: "content", id: digest });
      try {
        await using writer = await content.writer(`test-${digest}-${crypto.randomUUID()}`);
        await writer.write(new Uint8Array(await new Blob([data]).arrayBuffer()));
        await writer.commit({ digest, size });
      } catch (error) {
        if (!hasCode(error, "AlreadyExists")) throw error;
      }
    }
    const layers = image.layers.map(({ descriptor }) => ({ descriptor, fetched: Promise.resolve() }));
    const diffIds = image.layers.map(({ diffId }) => diffId);
    const context = await unpackContext(client, lease, {});
    const config = image.blobs.find(({ descriptor }) => isConfig(descriptor.mediaType))!.descriptor;
    return (await unpackImage(config.digest, diffIds, layers, context))!;
  });
}

interface TestImage extends BuiltImage {
  layers: Layer[];
}

function build(contents: readonly (readonly TarEntry[])[]): TestImage {
  const layers = contents.map((entries) => buildLayer(entries));
  return { ...buildImage({ layers }), layers };
}

/** Few names, so that layers meet; parents that no entry lists, links, whiteouts, inheriting directories. */
function randomLayers(random: Random): TarEntry[][] {
  const name = () => "abc"[random(3)]!;
  const path = () => Array.from({ length: 1 + random(3) }, name).join("/");
  const entry = (): TarEntry => {
    const at = path();
    const owner = { uid: random(3), gid: random(3), mtimeSeconds: OLD + random(1000) };
    switch (random(8)) {
      case 0:
      case 1:
        return { path: `${at}/`, type: "directory", mode: [0o755, 0o700, 0o2775][random(3)]!, ...owner };
      case 2:
        return {
          path: at,
          type: "symlink",
          linkTarget: [name(), `../${name()}`, `/${path()}`][random(3)]!,
          ...owner,
        };
      case 3:
        return { path: at, type: "hardlink", linkTarget: path(), ...owner };
      case 4:
        return { path: `${at.slice(0, at.lastIndexOf("/") + 1)}.wh.${name()}`, ...owner };
      case 5:
        return { path: `${at}/.wh..wh..opq`, ...owner };
      default:
        return { path: at, content: `${random(1000)}`, ...owner };
    }
  };
  return Array.from({ length: 4 }, () => Array.from({ length: 1 + random(6) }, entry));
}

test.run();
