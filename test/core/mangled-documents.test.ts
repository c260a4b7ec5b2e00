import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Digest, parseDigest } from "../../src/core/digest.ts";
import { CtrError } from "../../src/core/errors.ts";
import { parseImageConfig, parseIndex, parseManifest, selectManifests } from "../../src/core/manifest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { parsePlatform } from "../../src/core/platform.ts";
import { parseReference } from "../../src/core/reference.ts";
import { parseChallenges } from "../../src/remotes/challenge.ts";

const ROUNDS = 3000;
const SPLICES = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  "null",
  "-1",
  "1e400",
  "\\u0000",
  "../",
  "@",
  "%",
  "\u{1f4a3}",
];

/** The same numbers on every machine, so that a failure can be seen again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mangle(text: string, random: (below: number) => number): string {
  let mangled = text;
  for (let cuts = random(4); cuts >= 0; cuts--) {
    const at = random(mangled.length + 1);
    const splice = random(3) === 0 ? String.fromCharCode(random(256)) : SPLICES[random(SPLICES.length)]!;
    mangled = mangled.slice(0, at) + splice + mangled.slice(at + random(4));
  }
  return mangled;
}

const digest: Digest = parseDigest(`sha256:${"a".repeat(64)}`);
const layer = {
  mediaType: mediaTypes.ociLayer,
  digest,
  size: 3,
  urls: ["https://x/"],
  annotations: { a: "b" },
};
const platform = { os: "linux", architecture: "arm", variant: "v6", "os.features": ["x"] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...layer, mediaType: mediaTypes.ociManifest, platform }],
};
const manifest = {
  schemaVersion: 2,
  config: { ...layer, mediaType: mediaTypes.ociConfig },
  layers: [layer, layer],
};
const config = {
  os: "linux",
  architecture: "arm",
  config: { Env: ["A=b"], Volumes: { "/v": {} }, Labels: { a: "b" } },
  rootfs: { type: "layers", diff_ids: [digest] },
};

const encode = (text: string) => new TextEncoder().encode(text);
const describe = (mediaType: string) => ({ mediaType, digest, size: 3 });
const readers: [name: string, original: string, read: (text: string) => unknown][] = [
  [
    "index",
    JSON.stringify(index),
    (text) =>
      selectManifests(parseIndex(encode(text), describe(mediaTypes.ociIndex)).manifests, [
        parsePlatform("linux/arm/v7"),
      ]),
  ],
  [
    "manifest",
    JSON.stringify(manifest),
    (text) => parseManifest(encode(text), describe(mediaTypes.ociManifest)),
  ],
  [
    "config",
    JSON.stringify(config),
    (text) => parseImageConfig(encode(text), describe(mediaTypes.ociConfig)),
  ],
  ["reference", `localhost:5000/a/b:c@${digest}`, parseReference],
  [
    "challenge",
    'Negotiate, Bearer realm="https://a/t",service="s",scope="repository:a:pull"',
    parseChallenges,
  ],
];
for (const [name, original, read] of readers) {
  test(`a mangled ${name} is read or refused in one line, never anything else`, () => {
    const random = createRandom(20_250_101);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const text = mangle(original, random);
      try {
        read(text);
      } catch (error) {
        refused++;
        assert.instance(error, CtrError, `${error} for ${text}`);
        assert.match((error as CtrError).message, /^[^\n\r]{1,600}$/);
      }
    }
    assert.ok(refused < ROUNDS, "none of them was readable");
  });
}

test.run();
