import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import { MAX_DOCUMENT_BYTES } from "../../src/core/manifest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { type Answer, type Script, startHostileRegistry } from "../support/hostile-registry.ts";

const PACE = { responseMs: 500, stallMs: 200, tries: 3, firstDelayMs: 2, longestDelayMs: 50 };
const ENTRY = { mediaType: mediaTypes.ociManifest, digest: digestOf("entry"), size: 5 };
const INDEX = JSON.stringify({ schemaVersion: 2, manifests: [ENTRY] });
const DIGEST = digestOf(INDEX);
const PATH = "/v2/app/manifests/latest";

function digestOf(text: string, algorithm: "sha256" | "sha512" = "sha256"): Digest {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(text).digest("hex")}` as Digest;
}

async function resolveAt(script: Script, suffix = "", options: RemoteOptions = {}) {
  await using registry = await startHostileRegistry(script);
  const resolver = openResolver({ plainHttp: true, pace: PACE, ...options });
  const result = await resolver.resolve(`${registry.host}/app${suffix}`).then(
    (found) => ({ found, error: undefined }),
    (error: unknown) => ({ found: undefined, error: error as CtrError }),
  );
  if (result.error) assert.instance(result.error, CtrError);
  return { ...result, host: registry.host, seen: registry.seen };
}

const described = (headers: Record<string, string> = {}, body = INDEX): Answer => ({
  headers: { "content-type": mediaTypes.ociIndex, "docker-content-digest": DIGEST, ...headers },
  body,
});
const plain = (type: string, body = INDEX): Answer => ({ headers: { "content-type": type }, body });

const found: [name: string, script: Script, mediaType?: string][] = [
  ["by HEAD alone", { [`HEAD ${PATH}`]: described() }],
  [
    "with a charset beside the type",
    { [`HEAD ${PATH}`]: described({ "content-type": `${mediaTypes.ociIndex}; charset=utf-8` }) },
  ],
  ["by GET where HEAD tells no digest", { [PATH]: plain(mediaTypes.ociIndex) }],
  ["by GET where HEAD is not known", { [`HEAD ${PATH}`]: { status: 405 }, [PATH]: described() }],
  ["by GET where HEAD tells no kind", { [PATH]: described({ "content-type": "text/plain" }) }],
  ["by its look", { [PATH]: plain("application/json") }],
  ["after trouble", { [`HEAD ${PATH}`]: [{ status: 503 }, { raw: "" }, described()] }],
  [
    "past a redirect",
    { [`HEAD ${PATH}`]: { status: 301, headers: { location: "/v2/moved" } }, "HEAD /v2/moved": described() },
  ],
];
for (const [name, script] of found) {
  test(`a tag is resolved ${name}`, async () => {
    const { found, error, host, seen } = await resolveAt(script);
    assert.is(error, undefined);
    assert.is(found?.name, `${host}/app:latest`);
    assert.equal(found?.target, { mediaType: mediaTypes.ociIndex, digest: DIGEST, size: INDEX.length });
    assert.match(
      seen[0]?.headers.accept ?? "",
      /manifest\.v2\+json.*manifest\.list.*image\.manifest.*image\.index/,
    );
  });
}

test("a manifest that says its kind itself is believed over text/plain", async () => {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: {},
    layers: [],
  });
  const { found } = await resolveAt({ [PATH]: plain("text/plain", body) });
  assert.is(found?.target.mediaType, mediaTypes.dockerManifest);
});

for (const algorithm of ["sha256", "sha512"] as const) {
  test(`a digest is resolved as itself: ${algorithm}`, async () => {
    const digest = digestOf(INDEX, algorithm);
    const { found, host, seen } = await resolveAt(
      { [`/v2/app/manifests/${digest}`]: plain(mediaTypes.ociIndex) },
      `:1@${digest}`,
    );
    assert.is(found?.target.digest, digest);
    assert.is(found?.name, `${host}/app:1@${digest}`);
    assert.ok(seen.every(({ path }) => path.endsWith(digest)));
  });
}

const other = digestOf("other");
const failures: [name: string, script: Script, code: ErrorCode, words: RegExp, suffix?: string][] = [
  ["no such tag", {}, "NotFound", /^failed to resolve reference "([^"]+)": \1: not found$/],
  [
    "no such tag by GET",
    { [`HEAD ${PATH}`]: { status: 405 } },
    "NotFound",
    /^failed to resolve reference "([^"]+)": \1: not found$/,
  ],
  [
    "trouble without end",
    { [PATH]: { status: 502 } },
    "Unavailable",
    /unexpected status from HEAD request to .* 502/,
  ],
  [
    "schema 1",
    { [PATH]: plain("application/vnd.docker.distribution.manifest.v1+prettyjws") },
    "NotImplemented",
    /schema 1/,
  ],
  [
    "schema 1 by its own word",
    { [PATH]: plain("text/plain", '{"mediaType":"application/vnd.docker.distribution.manifest.v1+json"}') },
    "NotImplemented",
    /schema 1/,
  ],
  ["a page for people", { [PATH]: plain("text/html", "<html>") }, "InvalidArgument", /not JSON/],
  [
    "some other document",
    { [PATH]: plain("application/json", '{"a":1}') },
    "NotImplemented",
    /unsupported media type "application\/json"/,
  ],
  [
    "a huge manifest by HEAD",
    { [PATH]: described({ "content-length": `${MAX_DOCUMENT_BYTES + 1}` }) },
    "InvalidArgument",
    /too many/,
  ],
  [
    "a huge manifest by GET",
    {
      [`HEAD ${PATH}`]: { status: 405 },
      [PATH]: { forever: Buffer.alloc(65536, " "), headers: { "content-type": mediaTypes.ociIndex } },
    },
    "ResourceExhausted",
    /more than 8388608 bytes/,
  ],
  [
    "another digest than the bytes have",
    { [`HEAD ${PATH}`]: { status: 405 }, [PATH]: described({ "docker-content-digest": other }) },
    "DataLoss",
    /has digest/,
  ],
  [
    "another digest than asked for",
    { [`/v2/app/manifests/${other}`]: described() },
    "InvalidArgument",
    /when asked for/,
    `@${other}`,
  ],
  [
    "other bytes than asked for",
    { [`/v2/app/manifests/${other}`]: plain(mediaTypes.ociIndex) },
    "DataLoss",
    /expected/,
    `@${other}`,
  ],
  [
    "a digest that is a path",
    { [PATH]: described({ "docker-content-digest": "sha256:../.." }) },
    "InvalidArgument",
    /invalid checksum digest/,
  ],
  [
    "403",
    {
      [PATH]: { status: 403, body: '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}' },
    },
    "PermissionDenied",
    /403 .*DENIED: requested access is denied/,
  ],
];
for (const [name, script, code, words, suffix] of failures) {
  test(`resolving ends in one clear line: ${name}`, async () => {
    const { error } = await resolveAt(script, suffix);
    assert.is(error?.code, code, error?.message);
    assert.match(error!.message, words);
    assert.match(error!.message, /^failed to resolve reference "[^\n\r]+$/);
  });
}

test("a bad reference is refused before any connection", async () => {
  const { error, seen } = await resolveAt({}, "/../x");
  assert.is(error?.code, "InvalidArgument");
  assert.is(seen.length, 0);
});

test("nobody listening is said as ctr says it", async () => {
  const { host } = await resolveAt({});
  const error: CtrError = await openResolver()
    .resolve(`${host}/app`)
    .then(
      () => assert.unreachable(),
      (failure) => failure,
    );
  assert.is(error.code, "Unavailable");
  const words = `failed to do request: Head "http://${host}/v2/app/manifests/latest": dial tcp ${host}: connect: connection refused`;
  assert.ok(error.message.includes(words), error.message);
  assert.match(error.hint ?? "", /check the registry's name/);
});

test("http is found out without a flag on loopback", async () => {
  const { found, seen } = await resolveAt({ [PATH]: described() }, "", { plainHttp: false });
  assert.is(found?.target.digest, DIGEST);
  assert.ok(seen.every(({ method }) => method === "HEAD"));
});

test("giving up is Canceled", async () => {
  await using registry = await startHostileRegistry({
    [PATH]: { headers: { "content-length": "1" }, end: "silence", raw: undefined },
  });
  const error: CtrError = await openResolver({ plainHttp: true })
    .resolve(`${registry.host}/app`, AbortSignal.abort())
    .then(
      () => assert.unreachable(),
      (failure) => failure,
    );
  assert.is(error.code, "Canceled");
});

test("the dump shows requests and answers, the trace what happens between", async () => {
  const [dumped, traced]: [string[], string[]] = [[], []];
  const script = {
    [`HEAD ${PATH}`]: [
      { status: 503 },
      described({ "set-cookie": "secret-cookie", location: "http://x/?X-Amz-Signature=secret" }),
    ],
  };
  await resolveAt(script, "", { dump: (text) => dumped.push(text), trace: (text) => traced.push(text) });
  assert.match(dumped[0]!, /^HEAD \/v2\/app\/manifests\/latest HTTP\/1\.1\nhost: 127\.0\.0\.1:\d+\n/);
  assert.match(dumped[1]!, /^HTTP\/1\.1 503/);
  assert.not.ok(dumped.join("").includes("secret"));
  assert.ok(traced.some((line) => /try 2 of 3 in \d+ ms: status 503/.test(line)));
});

test.run();
