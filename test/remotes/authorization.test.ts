import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import type { Digest } from "../../src/core/digest.ts";
import { CtrError } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import type { Resolver } from "../../src/core/remotes.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { type Answer, type HostileRegistry, startHostileRegistry } from "../support/hostile-registry.ts";
import { guarded, startTokenServer, type TokenServer } from "../support/token-server.ts";
import { waitFor } from "../support/wait-for.ts";

const PACE = { responseMs: 500, stallMs: 300, tries: 3, firstDelayMs: 2, longestDelayMs: 50 };
const SCOPE = "repository:app:pull";
const SECRET = "hunter22";
const DIGEST = `sha256:${"a".repeat(64)}` as Digest;
const BLOB: Descriptor = { mediaType: mediaTypes.ociLayer, digest: DIGEST, size: 4 };
const MANIFEST: Answer = {
  headers: {
    "content-type": mediaTypes.ociManifest,
    "docker-content-digest": DIGEST,
    "content-length": "10",
  },
};
const user = (username = "user", secret = SECRET) => ({ credentials: () => ({ username, secret }) });

function open(options: RemoteOptions = {}): { resolver: Resolver; said: string[] } {
  const said: string[] = [];
  const tell = (text: string) => said.push(text);
  return {
    resolver: openResolver({ plainHttp: true, pace: PACE, dump: tell, trace: tell, ...options }),
    said,
  };
}

async function failureOf(work: Promise<unknown>): Promise<CtrError> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(failure, CtrError);
  return failure as CtrError;
}

async function read(resolver: Resolver, host: string): Promise<void> {
  for await (const _ of resolver.fetcher(`${host}/app`).fetch(BLOB)) {
  }
}

const startGuarded = (tokens: TokenServer): Promise<HostileRegistry> =>
  startHostileRegistry({
    "/v2/app/manifests/latest": guarded(tokens, SCOPE, MANIFEST),
    [`/v2/app/blobs/${DIGEST}`]: guarded(tokens, SCOPE, { body: "data" }),
  });

test("an anonymous token is asked for once", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startGuarded(tokens);
  const { resolver } = open();
  await resolver.resolve(`${registry.host}/app`);
  await Promise.all([read(resolver, registry.host), read(resolver, registry.host)]);
  assert.is(tokens.seen.length, 1);
  assert.match(tokens.seen[0]!.path, /^\/token\?service=test&scope=repository%3Aapp%3Apull$/);
  assert.is(tokens.seen[0]!.headers.authorization, undefined);
});

test("credentials go to the realm, and the token alone to the registry", async () => {
  await using tokens = await startTokenServer({ credentials: { username: "user", password: SECRET } });
  await using registry = await startGuarded(tokens);
  const { resolver, said } = open(user());
  await resolver.resolve(`${registry.host}/app`);
  await read(resolver, registry.host);
  assert.ok(registry.seen.every(({ headers }) => !headers.authorization?.startsWith("Basic")));
  const basic = Buffer.from(`user:${SECRET}`).toString("base64");
  const text = said.join("\n");
  assert.ok(text.includes("/token"));
  for (const secret of [SECRET, basic, "secret-token"]) assert.not.ok(text.includes(secret), text);
});

test("an identity token is exchanged by POST", async () => {
  await using tokens = await startTokenServer({ refreshToken: SECRET });
  await using registry = await startGuarded(tokens);
  const { resolver, said } = open(user(""));
  await resolver.resolve(`${registry.host}/app`);
  assert.is(tokens.seen[0]?.method, "POST");
  assert.not.ok(tokens.seen[0]?.path.includes(SECRET));
  assert.not.ok(said.join("\n").includes(SECRET));
});

test("an identity token is a password where POST is unknown", async () => {
  await using tokens = await startTokenServer({
    getOnly: true,
    credentials: { username: "", password: SECRET },
  });
  await using registry = await startGuarded(tokens);
  await open(user("")).resolver.resolve(`${registry.host}/app`);
  assert.equal(
    tokens.seen.map(({ method }) => method),
    ["POST", "GET"],
  );
});

test("a token that expired is renewed in the middle of a pull", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startGuarded(tokens);
  const { resolver } = open();
  await resolver.resolve(`${registry.host}/app`);
  tokens.revoke();
  await Promise.all([
    read(resolver, registry.host),
    read(resolver, registry.host),
    read(resolver, registry.host),
  ]);
  assert.ok(tokens.seen.length >= 2 && tokens.seen.length <= 4, `${tokens.seen.length}`);
});

test("a token is renewed by its own clock before anybody refuses it", async () => {
  await using tokens = await startTokenServer({ expiresInS: 0.001 });
  await using registry = await startGuarded(tokens);
  const { resolver } = open();
  await resolver.resolve(`${registry.host}/app`);
  const answeredAt = performance.now();
  await waitFor(() => performance.now() > answeredAt + 1, { what: "the token's end" });
  await read(resolver, registry.host);
  const blobStatuses = registry.seen.filter(({ path }) => path.includes("blobs"));
  assert.is(blobStatuses.length, 1);
});

test("wrong credentials end in one line with a hint", async () => {
  await using tokens = await startTokenServer({ credentials: { username: "user", password: "other" } });
  await using registry = await startGuarded(tokens);
  const error = await failureOf(open(user()).resolver.resolve(`${registry.host}/app`));
  assert.is(error.code, "Unauthenticated");
  assert.match(
    error.message,
    /failed to authorize: failed to fetch oauth token: .* 401 .*incorrect username or password/,
  );
  assert.match(error.hint ?? "", /--user/);
  assert.not.ok(error.message.includes(SECRET));
});

test("a registry that is never content is left", async () => {
  await using tokens = await startTokenServer();
  const challenge = { "www-authenticate": `Bearer realm="${tokens.realm}"` };
  await using registry = await startHostileRegistry({
    "/v2/app/manifests/latest": { status: 401, headers: challenge },
  });
  const error = await failureOf(open().resolver.resolve(`${registry.host}/app`));
  assert.is(error.code, "Unauthenticated");
  assert.match(error.message, /pull access denied/);
  assert.ok(registry.seen.length <= 6);
});

test("basic credentials go to the registry that asks for them", async () => {
  const expected = `Basic ${Buffer.from(`user:${SECRET}`).toString("base64")}`;
  await using registry = await startHostileRegistry({
    "/v2/app/manifests/latest": ({ headers }) =>
      headers.authorization === expected
        ? MANIFEST
        : { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } },
  });
  await open(user()).resolver.resolve(`${registry.host}/app`);
  assert.equal(
    registry.seen.map(({ headers }) => headers.authorization),
    [undefined, expected],
  );
});

test("credentials are asked for by the reference's host", async () => {
  const asked: string[] = [];
  await using tokens = await startTokenServer();
  await using registry = await startGuarded(tokens);
  const credentials = async (host: string) => {
    asked.push(host);
    return undefined;
  };
  await open({ credentials }).resolver.resolve(`${registry.host}/app`);
  assert.equal(asked, [registry.host]);
});

test("a secret that a registry echoes is not shown", async () => {
  await using registry = await startHostileRegistry({
    "/v2/app/manifests/latest": ({ headers }) =>
      headers.authorization
        ? {
            status: 403,
            body: JSON.stringify({
              errors: [{ code: "DENIED", message: `you said ${headers.authorization} ${SECRET}` }],
            }),
          }
        : { status: 401, headers: { "www-authenticate": "Basic" } },
  });
  const error = await failureOf(open(user()).resolver.resolve(`${registry.host}/app`));
  assert.match(error.message, /you said <redacted> <redacted>/);
});

const badTokens: [name: string, answer: Answer][] = [
  ["no JSON", { body: "<html>" }],
  ["null", { body: "null" }],
  ["no token", { body: "{}" }],
  ["a token with a line break", { body: JSON.stringify({ token: "a\r\nx-evil: 1" }) }],
  ["a token that is a number", { body: JSON.stringify({ token: 5 }) }],
  ["an endless answer", { forever: Buffer.alloc(65536, "{") }],
];
for (const [name, answer] of badTokens) {
  test(`a token server's bad answer ends in one line: ${name}`, async () => {
    await using tokens = await startHostileRegistry({ "/token": answer });
    const headers = { "www-authenticate": `Bearer realm="${tokens.url}/token"` };
    await using registry = await startHostileRegistry({
      "/v2/app/manifests/latest": { status: 401, headers },
    });
    const error = await failureOf(open().resolver.resolve(`${registry.host}/app`));
    assert.match(error.message, /^failed to resolve reference [^\r\n]+$/);
    assert.ok(["Unavailable", "ResourceExhausted"].includes(error.code), error.message);
    assert.ok(tokens.sentBytes() < 64 * 1024 * 1024);
  });
}

test.run();
