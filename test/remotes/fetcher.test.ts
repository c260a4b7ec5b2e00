import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import type { Digest } from "../../src/core/digest.ts";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import {
  type Answer,
  type HostileRegistry,
  type Script,
  startHostileRegistry,
} from "../support/hostile-registry.ts";

const PACE = { responseMs: 800, stallMs: 250, tries: 4, firstDelayMs: 2, longestDelayMs: 1500 };
const DATA = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
const BLOB: Descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(DATA), size: DATA.length };
const PATH = `/v2/app/blobs/${BLOB.digest}`;

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` as Digest;
}

interface Fetched {
  bytes: Buffer;
  error?: CtrError;
}

async function fetchFrom(
  registry: HostileRegistry,
  {
    descriptor = BLOB,
    offset = 0,
    ...options
  }: RemoteOptions & { descriptor?: Descriptor; offset?: number } = {},
): Promise<Fetched> {
  const resolver = openResolver({ plainHttp: true, pace: PACE, ...options });
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of resolver.fetcher(`${registry.host}/app`).fetch(descriptor, { offset }))
      chunks.push(chunk);
  } catch (error) {
    assert.instance(error, CtrError);
    return { bytes: Buffer.concat(chunks), error: error as CtrError };
  }
  return { bytes: Buffer.concat(chunks) };
}

const part = (from: number, headers: Record<string, string> = {}): Answer => ({
  status: 206,
  headers: { "content-range": `bytes ${from}-${DATA.length - 1}/${DATA.length}`, ...headers },
  body: DATA.subarray(from),
});
/** Half of the blob and its promise of the whole; then the connection ends so. Resumes by range where asked. */
const broken = (end: Answer["end"], resumed: (from: number) => Answer = part): Script[string] => {
  let isFirst = true;
  return ({ headers }) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    if (!isFirst && from > 0) return resumed(from);
    if (!isFirst) return { body: DATA };
    isFirst = false;
    return { headers: { "content-length": `${DATA.length}` }, body: DATA.subarray(0, 2500), end };
  };
};
const whole: Answer = { body: DATA };

const recoveries: [name: string, script: Script[string]][] = [
  ["a plain answer", whole],
  ["a chunked answer", { headers: { "transfer-encoding": "chunked" }, body: DATA }],
  ["429 with Retry-After", [{ status: 429, headers: { "retry-after": "1" } }, whole]],
  [
    "429 with a date gone by",
    [{ status: 429, headers: { "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT" } }, whole],
  ],
  ["429 with garbage", [{ status: 429, headers: { "retry-after": "soon" } }, whole]],
  ["500 and 503, then well", [{ status: 500 }, { status: 503 }, whole]],
  ["a reset before the answer", [{ raw: "" }, whole]],
  ["a silent server", [{ headers: { "content-length": "5000" }, end: "silence" }, whole]],
  ["a reset in the body", broken("reset")],
  ["an end in the body", broken("close")],
  ["a stall in the body", broken("silence")],
  ["a reset, then ranges ignored", broken("reset", () => whole)],
  ["a reset, then 416", broken("reset", () => ({ status: 416 }))],
  ["a reset, then the wrong range", broken("reset", () => part(7))],
  [
    "a reset, then a range that cannot be read",
    broken("reset", () => part(0, { "content-range": "bytes x" })),
  ],
  [
    "a chunked body that ends early",
    [{ headers: { "transfer-encoding": "chunked" }, body: DATA.subarray(0, 100) }, part(100)],
  ],
];
for (const [name, script] of recoveries) {
  test(`a fetch survives ${name}`, async () => {
    await using registry = await startHostileRegistry({ [PATH]: script });
    const { bytes, error } = await fetchFrom(registry);
    assert.is(error, undefined);
    assert.ok(bytes.equals(DATA));
  });
}

const failures: [name: string, script: Script[string], code: ErrorCode, words: RegExp, most?: number][] = [
  ["no such blob", { status: 404 }, "NotFound", /404/],
  [
    "403 with words",
    { status: 403, body: '{"errors":[{"code":"DENIED","message":"no\\u001b[31m way"}]}' },
    "PermissionDenied",
    /403 Whatever: DENIED: no \[31m way: permission denied$/,
  ],
  ["500 for ever", { status: 500 }, "Unavailable", /500/],
  [
    "429 for longer than we wait",
    { status: 429, headers: { "retry-after": "3600" } },
    "ResourceExhausted",
    /retry after 3600/,
  ],
  ["401 without a challenge", { status: 401 }, "Unauthenticated", /401/],
  [
    "a garbage challenge",
    { status: 401, headers: { "www-authenticate": ',=,"" Bearer realm' } },
    "Unauthenticated",
    /401/,
  ],
  ["a longer blob", { body: Buffer.concat([DATA, DATA]) }, "DataLoss", /10000 bytes of 5000 expected/, 0],
  [
    "a longer blob in chunks",
    { headers: { "transfer-encoding": "chunked" }, body: Buffer.concat([DATA, DATA]) },
    "DataLoss",
    /more bytes of 5000 expected/,
  ],
  ["a shorter blob", { body: DATA.subarray(0, 10) }, "DataLoss", /10 bytes of 5000 expected/, 0],
  [
    "an encoded blob",
    { headers: { "content-encoding": "gzip" }, body: Bun.gzipSync(DATA) },
    "DataLoss",
    /encoded as "gzip"/,
    0,
  ],
  ["an endless body", { forever: Buffer.alloc(1000) }, "DataLoss", /more bytes/],
  [
    "a body that always ends early",
    { headers: { "transfer-encoding": "chunked" }, body: DATA.subarray(0, 10) },
    "DataLoss",
    /bytes of 5000 came from/,
  ],
  [
    "a slow body",
    { headers: { "content-length": "5000" }, body: "x", end: "silence" },
    "DeadlineExceeded",
    /timeout/,
  ],
  ["206 to no range", part(0), "Unavailable", /status 206/, 0],
  [
    "a redirect without end",
    { status: 307, headers: { location: PATH } },
    "Unavailable",
    /more than 10 in a row/,
  ],
  [
    "a redirect to a file",
    { status: 307, headers: { location: "file:///etc/passwd" } },
    "InvalidArgument",
    /no web address/,
  ],
  [
    "a redirect to the cloud's keys",
    { status: 307, headers: { location: "http://169.254.169.254/latest" } },
    "PermissionDenied",
    /not a public address/,
  ],
  ["no HTTP at all", { raw: "SSH-2.0-OpenSSH_9.2\r\n\r\n" }, "Unavailable", /Malformed HTTP Response/],
];
for (const [name, script, code, words, most = DATA.length] of failures) {
  test(`a fetch ends in one clear line: ${name}`, async () => {
    await using registry = await startHostileRegistry({ [PATH]: script });
    const { bytes, error } = await fetchFrom(registry);
    assert.is(error?.code, code, error?.message);
    assert.match(error!.message, words);
    assert.match(error!.message, /^failed to fetch sha256:[\x20-\x7e]+$/);
    assert.ok(bytes.length <= most);
  });
}

test("a fetch from an offset asks for the rest alone", async () => {
  await using registry = await startHostileRegistry({
    [PATH]: ({ headers }) => part(Number(/\d+/.exec(headers.range!)![0])),
  });
  const { bytes } = await fetchFrom(registry, { offset: 4000 });
  assert.ok(bytes.equals(DATA.subarray(4000)));
  assert.equal(
    registry.seen.map(({ headers }) => headers.range),
    ["bytes=4000-"],
  );
});

test("a fetch of what is whole asks nothing", async () => {
  await using registry = await startHostileRegistry({});
  assert.is((await fetchFrom(registry, { offset: DATA.length })).error, undefined);
  assert.is(registry.seen.length, 0);
});

test("bytes are asked for as they are, and by our name", async () => {
  await using registry = await startHostileRegistry({ [PATH]: whole });
  await fetchFrom(registry);
  const [request] = registry.seen;
  assert.is(request?.headers["accept-encoding"], "identity");
  assert.is(request?.headers["user-agent"], "ctr");
});

test("giving up ends the fetch at once", async () => {
  await using registry = await startHostileRegistry({
    [PATH]: { headers: { "content-length": "5000" }, body: DATA.subarray(0, 2500), end: "silence" },
  });
  const stop = new AbortController();
  const resolver = openResolver({ plainHttp: true, pace: { stallMs: 60_000 } });
  const iterator = resolver
    .fetcher(`${registry.host}/app`)
    .fetch(BLOB, { signal: stop.signal })
    [Symbol.asyncIterator]();
  await iterator.next();
  stop.abort();
  try {
    await iterator.next();
    assert.unreachable();
  } catch (error) {
    assert.is((error as CtrError).code, "Canceled");
  }
});

test("a manifest served as another kind is refused", async () => {
  const descriptor = { ...BLOB, mediaType: mediaTypes.ociManifest };
  const path = `/v2/app/manifests/${BLOB.digest}`;
  await using registry = await startHostileRegistry({
    [path]: { headers: { "content-type": mediaTypes.ociIndex }, body: DATA },
  });
  const { error } = await fetchFrom(registry, { descriptor });
  assert.is(error?.code, "InvalidArgument");
  assert.match(error!.message, /media-type: expected .* but registry says/);
});

test("a foreign layer comes from its own address when the registry has none", async () => {
  await using elsewhere = await startHostileRegistry({ "/layer": broken("reset") });
  await using registry = await startHostileRegistry({});
  const descriptor = {
    ...BLOB,
    mediaType: mediaTypes.ociForeignLayerGzip,
    urls: [`${elsewhere.url}/gone`, `${elsewhere.url}/layer`],
  };
  const { bytes, error } = await fetchFrom(registry, {
    descriptor,
    credentials: () => ({ username: "u", secret: "hunter22" }),
  });
  assert.is(error, undefined);
  assert.ok(bytes.equals(DATA));
  assert.ok(elsewhere.seen.length >= 3);
  assert.ok(elsewhere.seen.every(({ headers }) => !headers.authorization));
});

test("memory stays flat whatever comes", async () => {
  const size = 300 * 1024 * 1024;
  const chunk = Buffer.alloc(256 * 1024);
  await using registry = await startHostileRegistry({
    [PATH]: { headers: { "content-length": `${size}` }, forever: chunk },
  });
  const resolver = openResolver({ plainHttp: true, pace: PACE });
  const before = process.memoryUsage().rss;
  let [received, peak] = [0, 0];
  for await (const bytes of resolver.fetcher(`${registry.host}/app`).fetch({ ...BLOB, size })) {
    received += bytes.length;
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  assert.is(received, size);
  assert.ok(peak - before < 100 * 1024 * 1024, `grew by ${(peak - before) >> 20} MiB`);
});

test.run();
