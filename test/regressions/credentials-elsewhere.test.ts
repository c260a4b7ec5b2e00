import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import type { Digest } from "../../src/core/digest.ts";
import type { CtrError } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import { checkOnward, parseRemoteUrl } from "../../src/remotes/origins.ts";
import { checkSecrecy } from "../../src/remotes/tokens.ts";
import {
  type Answer,
  type HostileRegistry,
  type Script,
  startHostileRegistry,
} from "../support/hostile-registry.ts";

// CVE-2020-15157, GHSA-vh4v-2xq2-g5cg, GHSA-jxpm-75mh-9fp7: credentials followed redirects and layers' own addresses.
// CVE-2026-48978, go-containerregistry #2193: they followed a realm to http, or to a cloud's metadata service.

const SECRET = "hunter22";
const BLOB: Descriptor = {
  mediaType: mediaTypes.ociLayer,
  digest: `sha256:${"a".repeat(64)}` as Digest,
  size: 4,
};
const PATH = `/v2/app/blobs/${BLOB.digest}`;

async function fetchBlob(registry: HostileRegistry, descriptor = BLOB): Promise<CtrError | undefined> {
  const resolver = openResolver({
    plainHttp: true,
    pace: { tries: 2, firstDelayMs: 1 },
    credentials: () => ({ username: "user", secret: SECRET }),
  });
  try {
    for await (const _ of resolver.fetcher(`${registry.host}/app`).fetch(descriptor)) {
    }
    return undefined;
  } catch (error) {
    return error as CtrError;
  }
}

/** Wants basic authentication, then sends elsewhere. */
const redirecting = (location: string): Script => ({
  [PATH]: ({ headers }): Answer =>
    headers.authorization
      ? { status: 307, headers: { location, "set-cookie": "session=secret-cookie" } }
      : { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } },
});

test("another port sees no credentials along a redirect", async () => {
  await using other = await startHostileRegistry({ "/data": { body: "data" } });
  await using registry = await startHostileRegistry(redirecting(`${other.url}/data`));
  assert.is(await fetchBlob(registry), undefined);
  assert.is(other.seen.length, 1);
  assert.not.ok(JSON.stringify(other.seen).includes("authorization"));
  assert.not.ok(JSON.stringify(other.seen).includes("cookie"));
});

test("a way back from elsewhere brings no credentials again", async () => {
  const script: Record<string, ReturnType<typeof redirecting>[string] | object> = {
    "/back": { body: "data" },
  };
  await using registry = await startHostileRegistry(script);
  await using other = await startHostileRegistry({
    "/data": { status: 307, headers: { location: `${registry.url}/back` } },
  });
  Object.assign(script, redirecting(`${other.url}/data`));
  assert.is(await fetchBlob(registry), undefined);
  assert.is(registry.seen.find(({ path }) => path === "/back")?.headers.authorization, undefined);
});

test("a login inside of an address is not used", async () => {
  await using other = await startHostileRegistry({ "/data": { body: "data" } });
  await using registry = await startHostileRegistry(
    redirecting(other.url.replace("//", "//user:pass@").concat("/data")),
  );
  assert.is(await fetchBlob(registry), undefined);
  assert.is(other.seen[0]?.headers.authorization, undefined);
});

test("the host of a redirect cannot ask for credentials", async () => {
  await using other = await startHostileRegistry({
    "/data": { status: 401, headers: { "www-authenticate": "Basic" } },
  });
  await using registry = await startHostileRegistry(redirecting(`${other.url}/data`));
  assert.is((await fetchBlob(registry))?.code, "Unauthenticated");
  assert.ok(other.seen.every(({ headers }) => !headers.authorization));
});

test("a layer's own address sees no credentials", async () => {
  await using other = await startHostileRegistry({
    "/layer": { status: 401, headers: { "www-authenticate": "Basic" } },
  });
  await using registry = await startHostileRegistry({
    [PATH]: ({ headers }) =>
      headers.authorization ? { status: 404 } : { status: 401, headers: { "www-authenticate": "Basic" } },
  });
  await fetchBlob(registry, { ...BLOB, urls: [`${other.url}/layer`] });
  assert.ok(registry.seen.some(({ headers }) => headers.authorization));
  assert.is(other.seen.length, 1);
  assert.is(other.seen[0]?.headers.authorization, undefined);
});

test("a realm at a cloud's metadata service is refused before anything is sent", async () => {
  for (const address of [
    "http://169.254.169.254/token",
    "http://[fe80::1]/",
    "http://0xa9fea9fe/",
    "http://metadata.google.internal/",
  ]) {
    const headers = { "www-authenticate": `Bearer realm="${address}"` };
    await using registry = await startHostileRegistry({ [PATH]: { status: 401, headers } });
    const error = await fetchBlob(registry);
    assert.is(error?.code, "PermissionDenied", error?.message);
    assert.not.ok(error!.message.includes(SECRET));
  }
});

const onward: [from: string, to: string, isAllowed: boolean][] = [
  ["https://registry.example/", "https://auth.example/token", true],
  ["https://registry.example/", "https://registry.example:8443/token", true],
  ["https://registry.example/", "http://registry.example/token", false],
  ["https://registry.example/", "http://localhost/token", false],
  ["https://registry.example/", "https://localhost/token", false],
  ["https://registry.example/", "https://127.1.2.3/token", false],
  ["https://registry.example/", "https://[::1]/token", false],
  ["https://registry.example/", "https://[::ffff:127.0.0.1]/token", false],
  ["https://registry.example/", "https://2130706433/token", false],
  ["https://registry.example/", "https://169.254.1.1/token", false],
  ["https://registry.example/", "https://[::ffff:169.254.169.254]/token", false],
  ["https://registry.example/", "https://100.100.100.200/token", false],
  ["http://registry.example/", "http://auth.example/token", true],
  ["http://registry.example/", "https://auth.example/token", true],
  ["http://localhost:5000/", "http://localhost:5001/token", true],
  ["http://169.254.7.7/", "http://169.254.7.7/token", true],
];
for (const [from, to, isAllowed] of onward) {
  test(`${from} may ${isAllowed ? "" : "not "}lead to ${to}`, () => {
    const check = () => checkOnward(new URL(from), parseRemoteUrl(to, undefined, "it"), "it leads");
    if (isAllowed) check();
    else assert.throws(check, (error: CtrError) => error.code === "PermissionDenied");
  });
}

test("credentials cross the network in the clear only where somebody chose http", () => {
  const host = { base: "", credentialHost: "localhost:5000", isPlainChosen: false };
  checkSecrecy(new URL("https://auth.example/"), host);
  checkSecrecy(new URL("http://localhost:1/"), host);
  checkSecrecy(new URL("http://auth.example/"), { ...host, isPlainChosen: true });
  assert.throws(
    () => checkSecrecy(new URL("http://auth.example/"), host),
    (error: CtrError) => error.code === "PermissionDenied",
  );
});

test.run();
