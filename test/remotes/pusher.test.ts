import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContentProvider } from "../../src/core/content.ts";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import type { PushOptions, PushOutcome } from "../../src/core/remotes.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { guarded, startTokenServer } from "../support/token-server.ts";
import {
  type Fault,
  type SeenUpload,
  startUploadRegistry,
  type UploadRegistry,
  type UploadRegistryOptions,
} from "../support/upload-registry.ts";

const MEBIBYTE = 1024 * 1024;
const DATA = Buffer.alloc(2 * MEBIBYTE, "some bytes that are not all the same, ");
const BLOB = descriptorOf(mediaTypes.ociLayer, DATA);
const PACE = { tries: 4, firstDelayMs: 1, longestDelayMs: 50, responseMs: 5_000, uploadMs: 5_000 };

function descriptorOf(mediaType: string, data: Uint8Array): Descriptor {
  const digest = `sha256:${createHash("sha256").update(data).digest("hex")}` as Descriptor["digest"];
  return { mediaType, digest, size: data.length };
}

const contentOf = (data: Buffer): ContentProvider => ({
  reader: async () => ({
    size: data.length,
    read: async (at, length) => data.subarray(at, at + length),
    async *stream(at = 0) {
      for (let from = at; from < data.length; from += 64 * 1024) yield data.subarray(from, from + 64 * 1024);
    },
    async [Symbol.asyncDispose]() {},
  }),
});

interface Pushed {
  outcome?: PushOutcome;
  error?: CtrError;
}

async function pushTo(
  registry: UploadRegistry,
  {
    descriptor = BLOB,
    content = contentOf(DATA),
    push = {},
    ref = `${registry.host}/app:1`,
    ...options
  }: RemoteOptions & {
    descriptor?: Descriptor;
    content?: ContentProvider;
    push?: PushOptions;
    ref?: string;
  } = {},
): Promise<Pushed> {
  const resolver = openResolver({ plainHttp: true, pace: PACE, ...options });
  try {
    return { outcome: await resolver.pusher(ref).push(descriptor, content, push) };
  } catch (error) {
    if (!(error instanceof CtrError)) throw error;
    return { error };
  }
}

const requests = (seen: readonly SeenUpload[]) => seen.map(({ method }) => method).join(" ");
const sentBytes = (seen: readonly SeenUpload[]) => seen.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);

interface Recovery {
  name: string;
  options: UploadRegistryOptions;
  requests: string;
  /** Sent in all, in blobs; 1 without it. */
  blobs?: [least: number, most: number];
}

const broken = (afterBytes: number): Fault => ({ afterBytes, end: "reset" });
const recoveries: Recovery[] = [
  { name: "nothing", options: {}, requests: "HEAD POST PUT" },
  {
    name: "a connection that breaks: what arrived is not sent again",
    options: { faults: { PUT: [broken(MEBIBYTE)] } },
    requests: "HEAD POST PUT GET PATCH PUT",
    blobs: [1, 1.01],
  },
  {
    name: "two broken connections",
    options: { faults: { PUT: [broken(MEBIBYTE)], PATCH: [broken(MEBIBYTE / 2)] } },
    requests: "HEAD POST PUT GET PATCH GET PATCH PUT",
    blobs: [1, 1.01],
  },
  {
    name: "a connection that breaks before a byte has arrived",
    options: { faults: { PUT: [broken(0)] } },
    requests: "HEAD POST PUT GET POST PUT",
  },
  {
    name: "a registry that forgets the upload",
    options: { faults: { PUT: [broken(MEBIBYTE)], GET: [{ status: 404 }] } },
    requests: "HEAD POST PUT GET POST PUT",
    blobs: [1.4, 1.6],
  },
  {
    name: "a registry that will not tell what arrived",
    options: { faults: { PUT: [broken(MEBIBYTE)], GET: [{ status: 204 }] } },
    requests: "HEAD POST PUT GET POST PUT",
    blobs: [1.4, 1.6],
  },
  {
    name: "a registry that claims more than there is",
    options: {
      faults: { PUT: [broken(MEBIBYTE)], GET: [{ status: 204, headers: { range: "0-99999999" } }] },
    },
    requests: "HEAD POST PUT GET POST PUT",
    blobs: [1.4, 1.6],
  },
  {
    name: "a registry that counts in another way",
    options: { faults: { PUT: [broken(MEBIBYTE)], PATCH: [{ status: 416 }] } },
    requests: "HEAD POST PUT GET PATCH POST PUT",
    blobs: [1.9, 2.1],
  },
  {
    name: "500 at the end",
    options: { faults: { PUT: [{ status: 500 }] } },
    requests: "HEAD POST PUT GET POST PUT",
    blobs: [2, 2],
  },
  {
    name: "429 with a time to wait",
    options: { faults: { POST: [{ status: 429, headers: { "retry-after": "0" } }] } },
    requests: "HEAD POST POST PUT",
  },
  {
    name: "503 three times",
    options: { faults: { POST: [{ status: 503 }, { status: 503 }, { status: 503 }] } },
    requests: "HEAD POST POST POST POST PUT",
  },
  {
    name: "a HEAD that is not allowed",
    options: { faults: { HEAD: [{ status: 405 }] } },
    requests: "HEAD POST PUT",
  },
  {
    name: "requests that are too large: chunks",
    options: { mostBytes: 700_000 },
    requests: "HEAD POST PUT POST PATCH POST PATCH PATCH PATCH PATCH PUT",
  },
  {
    name: "a chunk that breaks",
    options: { mostBytes: 700_000, faults: { PATCH: [undefined, undefined, broken(100_000)] } },
    requests: "HEAD POST PUT POST PATCH POST PATCH PATCH GET PATCH PATCH PATCH PUT",
    blobs: [1, 1.01],
  },
  {
    name: "a registry that takes part of a chunk",
    options: {
      faults: {
        PUT: [broken(MEBIBYTE)],
        PATCH: [{ status: 202, afterBytes: 1000, headers: { range: `0-${MEBIBYTE + 999}` } }],
      },
    },
    requests: "HEAD POST PUT GET PATCH PATCH PUT",
    blobs: [1, 1.5],
  },
];

for (const { name, options, requests: wanted, blobs: [least, most] = [1, 1] } of recoveries) {
  test(`a push gets over ${name}`, async () => {
    await using registry = await startUploadRegistry(options);
    const { outcome, error } = await pushTo(registry);
    assert.is(error?.message, undefined);
    assert.is(outcome, "pushed");
    assert.ok(registry.stored.get(BLOB.digest)?.equals(DATA));
    assert.is(requests(registry.seen), wanted);
    const sent = sentBytes(registry.seen) / DATA.length;
    assert.ok(sent >= least && sent <= most, `${sent} blobs sent`);
  });
}

test("no chunk is smaller than OCI-Chunk-Min-Length", async () => {
  const beginHeaders = { "oci-chunk-min-length": "600000" };
  await using registry = await startUploadRegistry({ mostBytes: 500_000, beginHeaders });
  const { error } = await pushTo(registry);
  assert.is(error?.code, "ResourceExhausted", error?.message);
  assert.match(error!.message, /413/);
  const sizes = registry.seen.map(({ headers }) => Number(headers["content-length"] ?? 0)).filter(Boolean);
  assert.equal(sizes, [2 * MEBIBYTE, MEBIBYTE, 600_000]);
});

const refusals: [
  name: string,
  options: UploadRegistryOptions,
  code: ErrorCode,
  words: RegExp,
  most?: number,
][] = [
  [
    "no right",
    { faults: { POST: [{ status: 403, body: '{"errors":[{"code":"DENIED"}]}' }] } },
    "PermissionDenied",
    /403.*DENIED/,
    2,
  ],
  ["500 for ever", { faults: { POST: Array(20).fill({ status: 500 }) } }, "Unavailable", /500/, 5],
  [
    "resets for ever",
    { faults: { PUT: Array(20).fill(broken(0)) } },
    "Unavailable",
    /connection reset by peer/,
    20,
  ],
  [
    "a wait beyond our patience",
    { faults: { POST: [{ status: 429, headers: { "retry-after": "3600" } }] } },
    "ResourceExhausted",
    /429.*retry after 3600/,
    2,
  ],
  [
    "bytes that are refused",
    { faults: { PUT: [{ status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' }] } },
    "InvalidArgument",
    /DIGEST_INVALID/,
    3,
  ],
  [
    "other bytes stored than sent",
    { faults: { PUT: [{ status: 201, headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` } }] } },
    "DataLoss",
    /got digest/,
    3,
  ],
  [
    "a byte taken of each chunk",
    {
      faults: {
        PUT: [broken(MEBIBYTE)],
        PATCH: Array.from({ length: 1000 }, (_, at) => ({
          status: 202,
          headers: { range: `0-${MEBIBYTE + at}` },
        })),
      },
    },
    "Unavailable",
    /registry counts/,
    120,
  ],
  ["no location", { location: () => undefined }, "Unavailable", /does not say where/, 2],
  ["a location that is none", { location: () => "ftp://x/" }, "InvalidArgument", /no web address/, 2],
  [
    "a location at a metadata service",
    { location: () => "http://169.254.169.254/x" },
    "PermissionDenied",
    /not a public address/,
    2,
  ],
  [
    "a registry that never answers",
    { faults: { PUT: [{ end: "silence" }, { end: "silence" }, { end: "silence" }, { end: "silence" }] } },
    "DeadlineExceeded",
    /timeout/,
    20,
  ],
];
for (const [name, options, code, words, most = 20] of refusals) {
  test(`a push ends in one line after ${name}`, async () => {
    await using registry = await startUploadRegistry(options);
    const { error } = await pushTo(registry, { pace: { ...PACE, uploadMs: 300 } });
    assert.is(error?.code, code, error?.message);
    assert.match(error!.message, words);
    assert.not.match(error!.message, /\n/);
    assert.ok(registry.seen.length <= most, requests(registry.seen));
    assert.not.ok(registry.stored.has(BLOB.digest));
  });
}

const locations: [name: string, location: (path: string, port: number) => string][] = [
  ["absolute", (path, port) => `http://127.0.0.1:${port}${path}`],
  ["a path", (path) => path],
  ["with a query of its own", (path) => `${path}?_state=a%2Fb+c~d&x`],
];
for (const [name, location] of locations) {
  test(`a location may be ${name}`, async () => {
    await using registry = await startUploadRegistry({ location, mostBytes: 700_000 });
    assert.is((await pushTo(registry)).outcome, "pushed");
    const put = registry.seen.at(-1)!;
    const query = location("", 0).split("?")[1];
    if (query) assert.ok(put.path.includes(`?${query}&digest=sha256%3A`), put.path);
    else assert.match(put.path, /\?digest=sha256%3A/);
  });
}

test("a location elsewhere gets the bytes, and nothing that was meant for the registry", async () => {
  await using storage = await startUploadRegistry({ faults: { PUT: [{ status: 201 }] } });
  const location = () => `${storage.url}/upload?signature=1`;
  const basic = `Basic ${Buffer.from("user:hunter22").toString("base64")}`;
  const authorize = (sent: string | undefined) => (sent === basic ? undefined : 'Basic realm="x"');
  await using registry = await startUploadRegistry({ location, authorize });
  const credentials = () => ({ username: "user", secret: "hunter22" });
  assert.is((await pushTo(registry, { credentials })).outcome, "pushed");
  assert.ok(registry.seen.some(({ headers }) => headers.authorization));
  assert.is(storage.seen.length, 1);
  assert.is(storage.seen[0]?.bodyBytes, DATA.length);
  assert.is(storage.seen[0]?.headers.authorization, undefined);
});

test("a redirect keeps the bytes and drops the credentials", async () => {
  await using storage = await startUploadRegistry({ faults: { PUT: [{ status: 201 }] } });
  const redirect = { status: 307, headers: { location: `${storage.url}/x` }, afterBytes: 0 };
  const authorize = (sent: string | undefined) => (sent ? undefined : 'Basic realm="x"');
  await using registry = await startUploadRegistry({ authorize, faults: { PUT: [redirect] } });
  const credentials = () => ({ username: "user", secret: "hunter22" });
  assert.is((await pushTo(registry, { credentials })).outcome, "pushed");
  assert.is(storage.seen[0]?.bodyBytes, DATA.length);
  assert.is(storage.seen[0]?.headers.authorization, undefined);
});

test("what is there is not sent; nor what can be mounted", async () => {
  await using registry = await startUploadRegistry({ mountable: ["team/base"] });
  const mountFrom = ["other/thing", "team/base"];
  const ref = `${registry.host}/team/app:1`;
  assert.is((await pushTo(registry, { ref, push: { mountFrom } })).outcome, "mounted");
  assert.is(new URL(registry.seen[1]!.path, "http://x").searchParams.get("from"), "team/base");
  registry.stored.set(BLOB.digest, DATA);
  const content = { reader: () => assert.unreachable("content is opened") } as unknown as ContentProvider;
  assert.is((await pushTo(registry, { ref, content })).outcome, "exists");
  assert.is(sentBytes(registry.seen), 0);
});

test("what cannot be mounted is sent, in the upload that began instead", async () => {
  await using registry = await startUploadRegistry();
  assert.is((await pushTo(registry, { push: { mountFrom: ["base"] } })).outcome, "pushed");
  assert.is(requests(registry.seen), "HEAD POST PUT");
});

test("a mount that is refused does not keep from pushing", async () => {
  await using registry = await startUploadRegistry({ faults: { POST: [{ status: 403 }] } });
  assert.is((await pushTo(registry, { push: { mountFrom: ["base"] } })).outcome, "pushed");
  assert.is(requests(registry.seen), "HEAD POST POST PUT");
});

test("one token does for HEAD and upload; one that is revoked in the middle is renewed", async () => {
  const credentials = { username: "user", password: "hunter22" };
  await using tokens = await startTokenServer({ credentials });
  const scope = "repository:app:pull,push";
  const check = guarded(tokens, scope, { status: 200 });
  let asked = 0;
  const authorize = (authorization: string | undefined) => {
    if (++asked === 4) tokens.revoke();
    const answer = check({ method: "", path: "", headers: authorization ? { authorization } : {}, body: "" });
    // As registries do: a HEAD is answered with `pull` alone.
    return answer.headers?.["www-authenticate"]?.replace("pull,push", asked === 1 ? "pull" : "pull,push");
  };
  await using registry = await startUploadRegistry({ authorize });
  const { outcome, error } = await pushTo(registry, {
    credentials: () => ({ username: "user", secret: "hunter22" }),
  });
  assert.is(error?.message, undefined);
  assert.is(outcome, "pushed");
  assert.is(requests(registry.seen), "HEAD HEAD POST PUT PUT");
  assert.is(tokens.seen.length, 2);
  assert.ok(registry.stored.get(BLOB.digest)?.equals(DATA));
});

test("a manifest goes by its tag as the target, else by its digest, and once", async () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const descriptor = descriptorOf(mediaTypes.ociManifest, bytes);
  await using registry = await startUploadRegistry({ faults: { PUT: [{ status: 503 }] } });
  const content = contentOf(bytes);
  assert.is((await pushTo(registry, { descriptor, content })).outcome, "pushed");
  assert.is(registry.seen.at(-1)?.path, `/v2/app/manifests/${descriptor.digest}`);
  assert.is(registry.seen.at(-1)?.headers["content-type"], mediaTypes.ociManifest);
  assert.is((await pushTo(registry, { descriptor, content })).outcome, "exists");
  assert.is((await pushTo(registry, { descriptor, content, push: { isTarget: true } })).outcome, "pushed");
  assert.is(registry.seen.at(-1)?.path, "/v2/app/manifests/1");
});

test("damaged bytes of a manifest are not put under a tag", async () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const descriptor = descriptorOf(mediaTypes.ociManifest, bytes);
  await using registry = await startUploadRegistry();
  const content = contentOf(Buffer.from('{"schemaVersion":3}'));
  const { error } = await pushTo(registry, { descriptor, content, push: { isTarget: true } });
  assert.is(error?.code, "DataLoss");
  assert.is(registry.stored.size, 0);
});

test("our own bytes that cannot be read are what the error is about", async () => {
  await using registry = await startUploadRegistry();
  const content: ContentProvider = {
    reader: async () => {
      const reader = await contentOf(DATA).reader(BLOB.digest);
      return {
        ...reader,
        async *stream() {
          yield DATA.subarray(0, 1000);
          throw new CtrError("DataLoss", "the disk");
        },
      };
    },
  };
  const { error } = await pushTo(registry, { content });
  assert.is(error?.code, "DataLoss", error?.message);
  assert.match(error!.message, /the disk: data loss$/);
});

test("giving up ends the upload at once", async () => {
  await using registry = await startUploadRegistry({
    faults: { PUT: [{ afterBytes: 1000, end: "silence" }] },
  });
  const stop = new AbortController();
  const onSent = () => stop.abort();
  const { error } = await pushTo(registry, {
    push: { signal: stop.signal, onSent },
    pace: { ...PACE, uploadMs: 60_000 },
  });
  assert.is(error?.code, "Canceled", error?.message);
});

test("progress ends with the size, and goes back when an upload starts over", async () => {
  await using registry = await startUploadRegistry({ faults: { PUT: [{ status: 500 }] } });
  const told: number[] = [];
  await pushTo(registry, { push: { onSent: (offset) => told.push(offset) } });
  assert.is(told.at(-1), DATA.length);
  assert.ok(told.includes(0));
});

test("memory stays flat whatever is sent", async () => {
  const size = 300 * MEBIBYTE;
  const chunk = Buffer.alloc(256 * 1024);
  await using registry = await startUploadRegistry({ isSink: true });
  let peak = 0;
  const content: ContentProvider = {
    reader: async () => ({
      ...(await contentOf(DATA).reader(BLOB.digest)),
      size,
      async *stream() {
        for (let sent = 0; sent < size; sent += chunk.length) {
          peak = Math.max(peak, process.memoryUsage().rss);
          yield chunk;
        }
      },
    }),
  };
  const before = process.memoryUsage().rss;
  const { error } = await pushTo(registry, { descriptor: { ...BLOB, size }, content });
  assert.is(error?.message, undefined);
  assert.is(sentBytes(registry.seen), size);
  assert.ok(peak - before < 100 * MEBIBYTE, `grew by ${(peak - before) >> 20} MiB`);
});

test.run();
