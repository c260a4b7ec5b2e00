import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import { parseManifest } from "../../src/core/manifest.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { type BuiltImage, buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { type Registry, type RegistryOptions, startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";

const CREDENTIALS = { username: "user", password: "hunter22" };
const account = (secret: string): RemoteOptions => ({
  credentials: () => ({ username: CREDENTIALS.username, secret }),
});
const image = buildImage({ layers: [buildLayer([{ path: "file", content: "hello" }])] });

interface Case {
  name: string;
  registry: RegistryOptions;
  options: (registry: Registry) => RemoteOptions;
  /** Of the error and its hint; success without it. */
  fails?: { code: ErrorCode; words: RegExp; hint: RegExp };
}

const withAuthority = ({ certificates }: Registry) => ({ caFile: certificates!.authority });
const withClient = (registry: Registry) => ({
  ...withAuthority(registry),
  certFile: registry.certificates!.clientCertificate,
  keyFile: registry.certificates!.clientKey,
});
const cases: Case[] = [
  { name: "plain, found out", registry: {}, options: () => ({}) },
  { name: "plain, by flag", registry: {}, options: () => ({ plainHttp: true }) },
  { name: "plain, though TLS was expected", registry: {}, options: () => ({ skipVerify: true }) },
  {
    name: "TLS by an authority given",
    registry: { tls: true },
    options: (registry) => ({ tls: withAuthority(registry) }),
  },
  { name: "TLS unverified", registry: { tls: true }, options: () => ({ skipVerify: true }) },
  {
    name: "TLS by an unknown authority",
    registry: { tls: true },
    options: () => ({}),
    fails: {
      code: "PermissionDenied",
      words: /tls: failed to verify certificate/,
      hint: /--tlscacert.*--skip-verify/,
    },
  },
  {
    name: "TLS spoken to in http",
    registry: { tls: true },
    options: () => ({ plainHttp: true }),
    fails: { code: "InvalidArgument", words: /400/, hint: /leave out --plain-http/ },
  },
  {
    name: "client certificate",
    registry: { tls: true, clientCertificate: true },
    options: (registry) => ({ tls: withClient(registry) }),
  },
  {
    name: "no client certificate",
    registry: { tls: true, clientCertificate: true },
    options: (registry) => ({ tls: withAuthority(registry) }),
    fails: { code: "Unavailable", words: /refused the handshake/, hint: /--tlscert and --tlskey/ },
  },
  {
    name: "a certificate without its key",
    registry: { tls: true },
    options: (registry) => ({ tls: { ...withClient(registry), keyFile: undefined } }),
    fails: { code: "InvalidArgument", words: /must be given together/, hint: /^$/ },
  },
  {
    name: "no such certificate",
    registry: { tls: true },
    options: () => ({ tls: { caFile: "/nonexistent/ca.crt" } }),
    fails: { code: "InvalidArgument", words: /open \/nonexistent\/ca\.crt: no such file/, hint: /^$/ },
  },
  {
    name: "an account",
    registry: { credentials: CREDENTIALS },
    options: () => account(CREDENTIALS.password),
  },
  {
    name: "an account over TLS",
    registry: { tls: true, credentials: CREDENTIALS },
    options: (registry) => ({ tls: withAuthority(registry), ...account(CREDENTIALS.password) }),
  },
  {
    name: "a wrong password",
    registry: { credentials: CREDENTIALS },
    options: () => account("wrong-secret"),
    fails: { code: "Unauthenticated", words: /^(?!.*wrong-secret).*401/, hint: /--user/ },
  },
  {
    name: "no account",
    registry: { credentials: CREDENTIALS },
    options: () => ({}),
    fails: { code: "Unauthenticated", words: /pull access denied/, hint: /--user/ },
  },
];

for (const { name, registry: registryOptions, options, fails } of cases) {
  test(`the real registry is read: ${name}`, async () => {
    using dir = tempDir();
    await using registry = await startRegistry(dir.path, registryOptions);
    const ref = await pushImage(image, registry, "some/app", "1.0");
    const work = readAll(ref, image, options(registry));
    if (!fails) return await work;
    const error = await work.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (!(error instanceof CtrError)) return assert.unreachable(`no CtrError but ${error}`);
    assert.is(error.code, fails.code, error.message);
    assert.match(error.message, fails.words);
    assert.match(error.hint ?? "", fails.hint);
  });
}

test("an authority that the system trusts needs no flag", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path, { tls: true });
  const ref = await pushImage(image, registry, "some/app", "1.0");
  const before = process.env.SSL_CERT_FILE;
  process.env.SSL_CERT_FILE = registry.certificates!.authority;
  try {
    await readAll(ref, image, {});
  } finally {
    if (before === undefined) delete process.env.SSL_CERT_FILE;
    else process.env.SSL_CERT_FILE = before;
  }
});

/** Resolves and fetches everything, and compares it with what was pushed. */
async function readAll(ref: string, { target, blobs }: BuiltImage, options: RemoteOptions): Promise<void> {
  const resolver = openResolver(options);
  const resolved = await resolver.resolve(ref);
  assert.equal(resolved, {
    name: ref,
    target: { mediaType: target.mediaType, digest: target.digest, size: target.size },
  });
  const fetcher = resolver.fetcher(ref);
  for (const { descriptor, data } of blobs) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of fetcher.fetch(descriptor)) chunks.push(chunk);
    const expected = data instanceof Blob ? await data.bytes() : data;
    assert.ok(Buffer.concat(chunks).equals(expected));
    if (descriptor.digest === target.digest) parseManifest(Buffer.concat(chunks), descriptor);
    else await readTail(fetcher.fetch(descriptor, { offset: 3 }), expected.subarray(3));
  }
}

async function readTail(stream: AsyncIterable<Uint8Array>, expected: Uint8Array): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.ok(Buffer.concat(chunks).equals(expected));
}

test.run();
