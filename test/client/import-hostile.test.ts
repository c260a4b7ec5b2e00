import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ImportOptions, importImages } from "../../src/client/images/import.ts";
import { type Client, openClient } from "../../src/client/open.ts";
import type { CtrError, ErrorCode } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { blobEntry, blobPath, fullName, layoutEntries, savedEntries } from "../support/archive.ts";
import { blobOf, buildImage, buildIndex, buildLayer, digestOf } from "../support/image.ts";
import { type TarEntry, tarBytes } from "../support/tar-bytes.ts";
import { tempDir } from "../support/temp.ts";

// Whatever is wrong with an archive ends in one clear line, and nothing is left behind.

const layer = buildLayer([{ path: "file", content: "content ".repeat(1000) }]);
const image = buildImage({ layers: [layer] });
const good = layoutEntries([{ image, annotations: fullName("example.org/app:1") }]);
const saved = savedEntries([
  {
    image: buildImage({
      layers: [buildLayer([], { format: "docker", compression: "none" })],
      format: "docker",
    }),
  },
]);

const without = (path: string): TarEntry[] => good.filter((entry) => entry.path !== path);
const indexOf = (...manifests: object[]): TarEntry => ({
  path: "index.json",
  content: JSON.stringify({ schemaVersion: 2, manifests }),
});
const nested = (depth: number) => {
  let inner = image;
  for (let level = 0; level < depth; level++) inner = buildIndex([inner]);
  return inner;
};
const other = digestOf("other");
const KIB = 1024;

interface Case {
  what: string;
  entries: readonly TarEntry[];
  bytes?: Uint8Array;
  code: ErrorCode;
  says: RegExp;
}

const CASES: Case[] = [
  {
    what: "a blob that is not what its name says",
    entries: [{ path: blobPath({ digest: other }), content: "another" }, ...good],
    code: "DataLoss",
    says: /^archive entry "blobs\/sha256\/[0-9a-f]{64}" is not what its name says: unexpected commit digest/,
  },
  {
    what: "a name with ..",
    entries: [{ path: "../../etc/cron.d/x", content: "x" }, ...good],
    code: "InvalidArgument",
    says: /^archive entry "\.\.\/\.\.\/etc\/cron\.d\/x"/,
  },
  {
    what: "a blob below ..",
    entries: [{ path: `blobs/../${blobPath({ digest: other })}`, content: "x" }, ...good],
    code: "InvalidArgument",
    says: /^archive entry "blobs\/\.\./,
  },
  {
    what: "an absolute name",
    entries: [{ path: "/etc/passwd", content: "x" }, ...good],
    code: "InvalidArgument",
    says: /^archive entry "\/etc\/passwd"/,
  },
  {
    what: "a link in place of a blob",
    entries: [{ path: blobPath({ digest: other }), type: "symlink", linkTarget: "/etc/shadow" }, ...good],
    code: "InvalidArgument",
    says: /is a link, not a file/,
  },
  {
    what: "a hard link in place of a blob",
    entries: [...good, { path: blobPath({ digest: other }), type: "hardlink", linkTarget: "index.json" }],
    code: "InvalidArgument",
    says: /is a link, not a file/,
  },
  {
    what: "a link in place of index.json",
    entries: [...without("index.json"), { path: "index.json", type: "symlink", linkTarget: "/etc/passwd" }],
    code: "InvalidArgument",
    says: /"index\.json" is a link/,
  },
  {
    what: "a device in place of a blob",
    entries: [
      ...good,
      { path: blobPath({ digest: other }), type: "character-device", device: { major: 1, minor: 8 } },
    ],
    code: "InvalidArgument",
    says: /is a character, not a file/,
  },
  {
    what: "a huge index.json",
    entries: [...without("index.json"), { path: "index.json", content: " ".repeat(9 * KIB * KIB) }],
    code: "ResourceExhausted",
    says: /"index\.json" of \d+ bytes/,
  },
  {
    what: "two index.json that differ",
    entries: [indexOf(image.target), ...good],
    code: "InvalidArgument",
    says: /"index\.json" is there twice/,
  },
  {
    what: "two files of one name that differ",
    entries: [{ path: "a/layer.tar", content: "1" }, { path: "a/layer.tar", content: "2" }, ...saved],
    code: "InvalidArgument",
    says: /"a\/layer\.tar" is there twice/,
  },
  {
    what: "a descriptor that lies about a size",
    entries: [...without("index.json"), indexOf({ ...image.target, size: 7, annotations: fullName("a:1") })],
    code: "InvalidArgument",
    says: /its descriptor says 7: invalid argument$/,
  },
  {
    what: "a digest that is a path",
    entries: [...without("index.json"), indexOf({ ...image.target, digest: "sha256:../../../etc/passwd" })],
    code: "InvalidArgument",
    says: /invalid checksum digest format/,
  },
  {
    what: "an index that is a manifest too",
    entries: [
      ...without("index.json"),
      {
        path: "index.json",
        content: JSON.stringify({ schemaVersion: 2, manifests: [image.target], layers: [layer.descriptor] }),
      },
    ],
    code: "InvalidArgument",
    says: /media-type/,
  },
  {
    what: "an index nested too deep",
    entries: layoutEntries([{ image: nested(20), annotations: fullName("a:1") }]),
    code: "InvalidArgument",
    says: /nested more than 8 deep/,
  },
  {
    what: "an image whose layer is missing",
    entries: without(blobPath(layer.descriptor)),
    code: "NotFound",
    says: /^image "example\.org\/app:1" in the archive: content digest sha256:[0-9a-f]{64}: not found$/,
  },
  {
    what: "an image whose manifest is missing",
    entries: without(blobPath(image.target)),
    code: "NotFound",
    says: /in the archive: content digest sha256/,
  },
  {
    what: "a layer that is no layer",
    entries: badLayer(),
    code: "DataLoss",
    says: /unpack layer sha256:[0-9a-f]{64}/,
  },
  {
    what: "a name that would write to the terminal",
    entries: layoutEntries([{ image, annotations: fullName("a\u001b]0;x\u0007:1") }]),
    code: "InvalidArgument",
    says: /^image name "a\\u001b\]0;x\\u0007:1" in the archive: invalid argument$/,
  },
  {
    what: "an unknown layout version",
    entries: [...without("oci-layout"), { path: "oci-layout", content: '{"imageLayoutVersion":"9.0.0"}' }],
    code: "NotImplemented",
    says: /OCI layout of version "9\.0\.0"/,
  },
  {
    what: "a layout without index",
    entries: without("index.json"),
    code: "InvalidArgument",
    says: /missing index\.json/,
  },
  {
    what: "no image format at all",
    entries: [{ path: "README", content: "x" }],
    code: "InvalidArgument",
    says: /^unrecognized image format/,
  },
  {
    what: "an index without images",
    entries: [...without("index.json"), indexOf()],
    code: "InvalidArgument",
    says: /^no image in the archive/,
  },
  {
    what: "manifest.json that names a file outside",
    entries: [{ path: "manifest.json", content: '[{"Config":"../../etc/passwd","Layers":[]}]' }],
    code: "InvalidArgument",
    says: /"\.\.\/\.\.\/etc\/passwd"/,
  },
  {
    what: "manifest.json that names what is not there",
    entries: [{ path: "manifest.json", content: '[{"Config":"config.json","Layers":[]}]' }],
    code: "NotFound",
    says: /image config "config\.json" in the archive: not found/,
  },
  {
    what: "manifest.json that is no list",
    entries: [{ path: "manifest.json", content: '{"Config":"x"}' }],
    code: "InvalidArgument",
    says: /manifest\.json: images is not a list/,
  },
  {
    what: "layer links in a circle",
    entries: [
      { path: "a/layer.tar", type: "symlink", linkTarget: "../b/layer.tar" },
      { path: "b/layer.tar", type: "symlink", linkTarget: "../a/layer.tar" },
      ...saved.filter(({ path }) => path !== "manifest.json"),
      {
        path: "manifest.json",
        content: JSON.stringify([
          { Config: saved.find(({ path }) => `${path}`.endsWith(".json"))!.path, Layers: ["a/layer.tar"] },
        ]),
      },
    ],
    code: "NotFound",
    says: /image layer "a\/layer\.tar" in the archive: not found/,
  },
  {
    what: "a layer link to outside",
    entries: [{ path: "a/layer.tar", type: "symlink", linkTarget: "../../etc/passwd" }, ...saved],
    code: "InvalidArgument",
    says: /"\.\.\/\.\.\/etc\/passwd"/,
  },
  {
    what: "an archive that is cut off",
    entries: [],
    bytes: tarBytes(good).subarray(0, 600),
    code: "InvalidArgument",
    says: /unexpected end/,
  },
  {
    what: "an empty file",
    entries: [],
    bytes: new Uint8Array(0),
    code: "InvalidArgument",
    says: /^unrecognized image format/,
  },
  {
    what: "no tar",
    entries: [],
    bytes: Buffer.from("hello ".repeat(500)),
    code: "InvalidArgument",
    says: /tar/,
  },
  {
    what: "a compression that nobody here knows",
    entries: [],
    bytes: Buffer.from("BZh91AY&SY"),
    code: "NotImplemented",
    says: /^archive compressed by bzip2: not implemented$/,
  },
  {
    what: "a damaged gzip stream",
    entries: [],
    bytes: gzipSync(tarBytes(good)).subarray(0, 200),
    code: "DataLoss",
    says: /damaged gzip stream/,
  },
  {
    what: "a size that no disk has",
    entries: [],
    bytes: lyingSize(),
    code: "ResourceExhausted",
    says: /of \d+ bytes, where \d+ are free/,
  },
];

function badLayer(): TarEntry[] {
  const broken = {
    ...blobOf(mediaTypes.ociLayerGzip, Buffer.from([0x1f, 0x8b, 0x08, 0, 1, 2, 3])),
    diffId: layer.diffId,
  };
  return layoutEntries([{ image: buildImage({ layers: [broken] }), annotations: fullName("a:1") }]);
}

/** 4 TiB by its header, in a few bytes. */
function lyingSize(): Uint8Array {
  const entry = blobEntry({ descriptor: { digest: other, mediaType: "", size: 0 }, data: new Uint8Array(0) });
  return tarBytes([{ ...entry, pax: { size: `${1024 ** 4 * 4}` } }], { end: false });
}

async function* chunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const OPTIONS: ImportOptions = {
  naming: { base: "import-today", isFilter: false, digests: false, skipDigestForNamed: false },
  archive: { name: "archive" },
};

async function failureOf(client: Client, bytes: AsyncIterable<Uint8Array>): Promise<CtrError> {
  return importImages(client, bytes, OPTIONS).then(
    () => assert.unreachable("it was imported"),
    (error) => error,
  );
}

async function assertNothingLeft(client: Client, root: string): Promise<void> {
  assert.equal((await client.images()).list(), []);
  assert.equal(await Array.fromAsync((await client.content()).walk()), []);
  assert.equal(await (await client.content()).ingests(), []);
  assert.equal((await client.leases()).list(), []);
  assert.equal(await Array.fromAsync((await client.snapshotter()).walk()), []);
  const left = ["content/blobs/sha256", "content/ingest", "snapshots/overlayfs"].flatMap((directory) =>
    existsSync(join(root, directory)) ? readdirSync(join(root, directory)) : [],
  );
  assert.equal(left, []);
}

for (const { what, entries, bytes, code, says } of CASES) {
  test(what, async () => {
    using directory = tempDir();
    const root = directory.join("root");
    await using client = openClient({ root, state: directory.join("state") });
    const error = await failureOf(client, chunks(bytes ?? tarBytes(entries)));
    assert.match(error.message, says);
    assert.is(error.code, code, error.message);
    assert.not.match(error.message, /\p{Cc}/u);
    await assertNothingLeft(client, root);
  });
}

test("a stream that never ends", async () => {
  using directory = tempDir();
  const root = directory.join("root");
  await using client = openClient({ root, state: directory.join("state") });
  const zeros = new Uint8Array(1 << 20);
  let pulled = 0;
  const endless = async function* () {
    yield tarBytes(good);
    for (; ; pulled++) yield zeros;
  };
  const [imported] = await importImages(client, endless(), OPTIONS);
  assert.is(imported?.name, "example.org/app:1");
  assert.ok(pulled < 32, `${pulled} MiB were read behind the end`);
});

test("entries that never end", async () => {
  using directory = tempDir();
  const root = directory.join("root");
  await using client = openClient({ root, state: directory.join("state") });
  const many = tarBytes(
    Array.from({ length: 1000 }, (_, at) => ({ path: `${at}/`, type: "directory" as const })),
    { end: false },
  );
  const endless = async function* () {
    for (;;) yield many;
  };
  const error = await failureOf(client, endless());
  assert.match(error.message, /archive of more than \d+ entries: resource exhausted/);
  await assertNothingLeft(client, root);
});

test("extended headers that never end", async () => {
  using directory = tempDir();
  const root = directory.join("root");
  await using client = openClient({ root, state: directory.join("state") });
  const [pax = new Uint8Array(0)] = [
    tarBytes([{ path: "x", pax: { comment: "y".repeat(100_000) } }], { end: false }),
  ];
  const header = pax.subarray(0, pax.length - 512);
  const endless = async function* () {
    for (;;) yield header;
  };
  const error = await failureOf(client, endless());
  assert.match(error.message, /unexpected end/);
  await assertNothingLeft(client, root);
});

test.run();
