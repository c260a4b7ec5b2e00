import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { type Digest, parseDigest } from "../../src/core/digest.ts";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import {
  chainIds,
  checkDocumentSize,
  isRunnable,
  MAX_DOCUMENT_BYTES,
  parseImageConfig,
  parseIndex,
  parseManifest,
  selectManifests,
} from "../../src/core/manifest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { parsePlatform } from "../../src/core/platform.ts";

const digestOf = (letter: string): Digest => parseDigest(`sha256:${letter.repeat(64)}`);
const named = (mediaType: string): Descriptor => ({ mediaType, digest: digestOf("a"), size: 1 });
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const config = { mediaType: mediaTypes.ociConfig, digest: digestOf("c"), size: 10 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf("d"), size: 20 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const entry = { mediaType: mediaTypes.ociManifest, digest: digestOf("e"), size: 30 };
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] };

function failureOf(action: () => unknown): CtrError {
  try {
    action();
  } catch (error) {
    assert.instance(error, CtrError);
    return error as CtrError;
  }
  return assert.unreachable("nothing was thrown") as never;
}

test("a manifest keeps what its descriptors say", () => {
  const urls = ["https://example.com/layer"];
  const annotations = { "org.opencontainers.image.title": "x" };
  const document = { ...manifest, layers: [{ ...layer, urls, annotations }], annotations };
  const parsed = parseManifest(encode(document), named(mediaTypes.ociManifest));
  assert.equal(parsed.config, config);
  assert.equal(parsed.layers, [{ ...layer, urls, annotations }]);
  assert.equal(parsed.annotations, annotations);
});

test("lists that Go wrote as null are empty", () => {
  assert.equal(
    parseManifest(encode({ ...manifest, layers: null }), named(mediaTypes.ociManifest)).layers,
    [],
  );
  assert.equal(parseIndex(encode({ ...index, manifests: null }), named(mediaTypes.ociIndex)).manifests, []);
});

test("an index normalizes platforms", () => {
  const platform = { os: "linux", architecture: "arm64", variant: "v8" };
  const parsed = parseIndex(
    encode({ ...index, manifests: [{ ...entry, platform }] }),
    named(mediaTypes.ociIndex),
  );
  assert.equal(parsed.manifests[0]?.platform, { os: "linux", architecture: "arm64" });
});

const refusedManifests: [name: string, document: unknown, code: ErrorCode, words: RegExp][] = [
  ["no object", [], "InvalidArgument", /document is not an object/],
  ["a string", "x", "InvalidArgument", /document is not an object/],
  ["layers and manifests", { ...manifest, manifests: [entry] }, "InvalidArgument", /both "manifests" and/],
  ["Layers by Go's rule", { ...manifest, Manifests: [entry] }, "InvalidArgument", /both "manifests" and/],
  ["an index", { schemaVersion: 2, manifests: [entry] }, "InvalidArgument", /expected manifest but found/],
  ["an index's media type", { ...manifest, mediaType: mediaTypes.ociIndex }, "InvalidArgument", /but found/],
  [
    "Docker's media type",
    { ...manifest, mediaType: mediaTypes.dockerManifest },
    "InvalidArgument",
    /but found/,
  ],
  ["schema 1", { schemaVersion: 1, fsLayers: [{}] }, "NotImplemented", /schema 1/],
  ["fsLayers", { ...manifest, fsLayers: [{}] }, "NotImplemented", /schema 1/],
  ["no config", { schemaVersion: 2, layers: [layer] }, "InvalidArgument", /config is not present/],
  [
    "layers that are no list",
    { ...manifest, layers: { 0: layer } },
    "InvalidArgument",
    /layers is not a list/,
  ],
  ["a bad layer", { ...manifest, layers: [layer, 7] }, "InvalidArgument", /layers\[1\] is not an object/],
  [
    "a path for a digest",
    { ...manifest, config: { ...config, digest: "sha256:../../x" } },
    "InvalidArgument",
    /invalid checksum digest/,
  ],
  [
    "no digest",
    { ...manifest, config: { ...config, digest: undefined } },
    "InvalidArgument",
    /invalid checksum digest/,
  ],
  [
    "a negative size",
    { ...manifest, layers: [{ ...layer, size: -1 }] },
    "InvalidArgument",
    /layers\[0\]\.size is not a size/,
  ],
  [
    "half a byte",
    { ...manifest, layers: [{ ...layer, size: 0.5 }] },
    "InvalidArgument",
    /size is not a size/,
  ],
  [
    "a size beyond doubles",
    { ...manifest, layers: [{ ...layer, size: 2 ** 60 }] },
    "InvalidArgument",
    /size is not a size/,
  ],
  ["no size", { ...manifest, layers: [{ ...layer, size: null }] }, "InvalidArgument", /size is not a size/],
  [
    "no media type",
    { ...manifest, layers: [{ ...layer, mediaType: "" }] },
    "InvalidArgument",
    /not a media type/,
  ],
  [
    "a media type with a line break",
    { ...manifest, config: { ...config, mediaType: "a/b\r\nx-evil: 1" } },
    "InvalidArgument",
    /config\.mediaType is not a media type/,
  ],
  [
    "a platform that commands terminals",
    { ...manifest, layers: [{ ...layer, platform: { os: "\u001b[2J", architecture: "amd64" } }] },
    "InvalidArgument",
    /layers\[0\]\.platform\.os is not part of a platform/,
  ],
  [
    "a long digest, quoted in part",
    { ...manifest, config: { ...config, digest: "x".repeat(5000) } },
    "InvalidArgument",
    /^[^\n]{100,250}$/,
  ],
  [
    "a hostile annotation, quoted",
    { ...manifest, annotations: { "\u001b[2J": 1 } },
    "InvalidArgument",
    /annotations\."\\u001b\[2J" is not a string/,
  ],
  [
    "numbers for urls",
    { ...manifest, layers: [{ ...layer, urls: [1] }] },
    "InvalidArgument",
    /not a list of strings/,
  ],
  ["absurd many layers", { ...manifest, layers: Array(10_001).fill(0) }, "InvalidArgument", /at most 10000/],
];
for (const [name, document, code, words] of refusedManifests) {
  test(`a manifest is refused: ${name}`, () => {
    const error = failureOf(() => parseManifest(encode(document), named(mediaTypes.ociManifest)));
    assert.is(error.code, code);
    assert.match(error.message, words);
  });
}

test("an index with a manifest's fields is refused", () => {
  for (const extra of [{ layers: [layer] }, { config }, { Config: config }]) {
    const error = failureOf(() => parseIndex(encode({ ...index, ...extra }), named(mediaTypes.ociIndex)));
    assert.is(error.code, "InvalidArgument");
  }
});

test("bytes that are no JSON, or nest without end, are refused in one line", () => {
  const deep = new TextEncoder().encode("[".repeat(1_000_000));
  for (const bytes of [new Uint8Array(), new Uint8Array([0xff, 0xfe]), deep]) {
    const error = failureOf(() => parseManifest(bytes, named(mediaTypes.ociManifest)));
    assert.match(error.message, /^manifest sha256:a+: document is not JSON: invalid argument$/);
  }
});

test("a document beyond the cap is refused before it is parsed", () => {
  const huge = new Uint8Array(MAX_DOCUMENT_BYTES + 1).fill(0x20);
  assert.is(failureOf(() => parseManifest(huge, named(mediaTypes.ociManifest))).code, "InvalidArgument");
  const lying = { digest: digestOf("a"), size: 10 * 2 ** 30 };
  assert.is(failureOf(() => checkDocumentSize(lying)).code, "InvalidArgument");
});

const at = (letter: string, platform?: string, extra: Partial<Descriptor> = {}): Descriptor => ({
  ...entry,
  digest: digestOf(letter),
  ...(platform && { platform: parsePlatform(platform) }),
  ...extra,
});
const attested = at("9", "unknown/unknown", {
  annotations: { "vnd.docker.reference.type": "attestation-manifest" },
});
const part = at("8", undefined, {
  mediaType: "application/vnd.containerd.container.criu.checkpoint.criu.tar",
});

const choices: [name: string, entries: Descriptor[], platforms: string[], chosen: string[]][] = [
  ["exact", [at("1", "linux/amd64"), at("2", "linux/arm64")], ["linux/arm64"], ["2"]],
  ["none", [at("1", "linux/amd64")], ["linux/s390x"], []],
  ["the best variant wins", [at("1", "linux/arm/v5"), at("2", "linux/arm/v6")], ["linux/arm/v7"], ["2"]],
  ["the first of equals", [at("1", "linux/amd64"), at("2", "linux/amd64")], ["linux/amd64"], ["1"]],
  [
    "two platforms",
    [at("1", "linux/amd64"), at("2", "linux/arm64")],
    ["linux/arm64", "linux/amd64"],
    ["1", "2"],
  ],
  ["one for two", [at("1", "linux/arm/v6")], ["linux/arm/v7", "linux/arm/v6"], ["1"]],
  ["no platform named", [at("1")], ["linux/amd64"], ["1"]],
  ["a match before none named", [at("1"), at("2", "linux/amd64")], ["linux/amd64"], ["2"]],
  ["attestations are left", [attested, at("1", "linux/amd64")], ["linux/amd64"], ["1"]],
  ["only attestations", [attested], ["linux/amd64"], []],
  ["a checkpoint's parts come along", [at("1", "linux/amd64"), part], ["linux/amd64"], ["1", "8"]],
];
for (const [name, entries, platforms, chosen] of choices) {
  test(`choice by platform: ${name}`, () => {
    const found = selectManifests(entries, platforms.map(parsePlatform));
    assert.equal(
      found.map(({ digest }) => digest),
      chosen.map(digestOf),
    );
  });
}

test("what is unknown does not run", () => {
  assert.not.ok(isRunnable(attested));
  assert.not.ok(isRunnable(at("1", "unknown/unknown")));
  assert.ok(isRunnable(at("1")));
});

test("an image config says how to run it", () => {
  const wants = {
    Env: ["PATH=/bin"],
    Entrypoint: ["/init"],
    Cmd: ["-v"],
    WorkingDir: "/srv",
    User: "1:1",
    Labels: { a: "b", __proto__x: "y" },
    StopSignal: "SIGINT",
    Volumes: { "/data": {} },
    ExposedPorts: { "80/tcp": {} },
  };
  const document = {
    os: "linux",
    architecture: "arm64",
    variant: "v8",
    created: "2020-01-01T00:00:00Z",
    config: wants,
    rootfs: { type: "layers", diff_ids: [digestOf("1")] },
  };
  const parsed = parseImageConfig(encode(document), named(mediaTypes.ociConfig));
  assert.equal(parsed.config, wants);
  assert.equal(parsed.platform, { os: "linux", architecture: "arm64" });
  assert.equal(parsed.diffIds, [digestOf("1")]);
});

test("an image config without wishes is fine, one without rootfs is not", () => {
  const bare = {
    os: "linux",
    architecture: "amd64",
    config: null,
    rootfs: { type: "layers", diff_ids: null },
  };
  const parsed = parseImageConfig(encode(bare), named(mediaTypes.ociConfig));
  assert.equal(parsed.config, {});
  assert.equal(parsed.diffIds, []);
  for (const rootfs of [undefined, [], { type: "fs" }, { diff_ids: ["sha256:.."] }, { diff_ids: [1] }]) {
    const error = failureOf(() => parseImageConfig(encode({ ...bare, rootfs }), named(mediaTypes.ociConfig)));
    assert.is(error.code, "InvalidArgument");
  }
});

test("labels named like object internals stay labels", () => {
  const bytes = new TextEncoder().encode(
    '{"rootfs":{"type":"layers"},"config":{"Labels":{"__proto__":"x","constructor":"y"}}}',
  );
  const { config } = parseImageConfig(bytes, named(mediaTypes.ociConfig));
  assert.equal(Object.entries(config.Labels ?? {}), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
});

test("chain IDs follow the spec's rule", () => {
  const [first, second] = [digestOf("1"), digestOf("2")];
  const expected = `sha256:${new Bun.CryptoHasher("sha256").update(`${first} ${second}`).digest("hex")}`;
  assert.equal(chainIds([]), []);
  assert.equal(chainIds([first]), [first]);
  assert.equal(chainIds([first, second]), [first, expected]);
});

test.run();
