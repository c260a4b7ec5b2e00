import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CtrError } from "../../src/core/errors.ts";
import { findHosts, type RegistryHost } from "../../src/remotes/hosts.ts";
import { openResolver } from "../../src/remotes/index.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { createCertificates } from "../support/certificates.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";

/** Writes files below a temporary certs.d and asks it for a host. */
async function hostsBy(
  files: Record<string, string>,
  host: string,
  options: RemoteOptions = {},
): Promise<{ hosts: RegistryHost[]; root: string }> {
  using dir = tempDir();
  writeFiles(dir.path, files);
  return { hosts: await findHosts(host, { ...options, hostsDirs: [dir.path] }), root: dir.path };
}

function writeFiles(root: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const server = (address: string) => `server = "${address}"`;

const lookups: [name: string, files: Record<string, string>, host: string, bases: string[]][] = [
  ["nothing", {}, "quay.io", ["https://quay.io/v2"]],
  ["another host", { "quay.io/hosts.toml": server("https://a") }, "ghcr.io", ["https://ghcr.io/v2"]],
  ["the host", { "quay.io/hosts.toml": server("https://a") }, "quay.io", ["https://a/v2"]],
  ["host:port", { "quay.io:5000/hosts.toml": server("https://a") }, "quay.io:5000", ["https://a/v2"]],
  [
    "host_port_ first",
    { "quay.io:5000/hosts.toml": server("https://a"), "quay.io_5000_/hosts.toml": server("https://b") },
    "quay.io:5000",
    ["https://b/v2"],
  ],
  ["_default", { "_default/hosts.toml": server("https://a") }, "quay.io", ["https://a/v2"]],
  [
    "_default last",
    { "_default/hosts.toml": server("https://a"), "quay.io/hosts.toml": server("https://b") },
    "quay.io",
    ["https://b/v2"],
  ],
  ["docker.io by its name", { "docker.io/hosts.toml": "" }, "docker.io", ["https://registry-1.docker.io/v2"]],
  [
    "mirrors in the order of the file, then the server",
    { "q/hosts.toml": `${server("https://s")}\n[host."https://z"]\n[host."http://a:81"]\n` },
    "q",
    ["https://z/v2", "http://a:81/v2", "https://s/v2"],
  ],
  [
    "the registry itself last, without a server",
    { "quay.io/hosts.toml": '[host."https://mirror"]' },
    "quay.io",
    ["https://mirror/v2", "https://quay.io/v2"],
  ],
  ["a server without scheme", { "q/hosts.toml": server("s:8443") }, "q", ["https://s:8443/v2"]],
  ["a path", { "q/hosts.toml": server("https://s/some/path/") }, "q", ["https://s/some/path/v2"]],
  ["a path with v2", { "q/hosts.toml": server("https://s/some/v2/") }, "q", ["https://s/some/v2"]],
  [
    "override_path",
    { "q/hosts.toml": `${server("https://s/v2/proxy")}\noverride_path = true` },
    "q",
    ["https://s/v2/proxy"],
  ],
  [
    "the server as its own mirror once",
    { "q/hosts.toml": `${server("https://s")}\n[host."https://s"]` },
    "q",
    ["https://s/v2"],
  ],
  ["Docker's certificates", { "quay.io/ca.crt": "" }, "quay.io", ["https://quay.io/v2"]],
];
for (const [name, files, host, bases] of lookups) {
  test(`hosts by ${name}`, async () => {
    const { hosts } = await hostsBy(files, host);
    assert.equal(
      hosts.map(({ base }) => base),
      bases,
    );
  });
}

test("the first of several directories counts, but _default after all of them", async () => {
  using one = tempDir();
  using two = tempDir();
  writeFiles(one.path, { "_default/hosts.toml": server("https://default") });
  writeFiles(two.path, { "quay.io/hosts.toml": server("https://own") });
  const hostsDirs = [one.path, two.path];
  assert.is((await findHosts("quay.io", { hostsDirs }))[0]?.base, "https://own/v2");
  assert.is((await findHosts("ghcr.io", { hostsDirs }))[0]?.base, "https://default/v2");
});

test("every field of a host is read, relative paths from the file's directory", async () => {
  const text = `
server = "https://s"
ca = "/abs/ca.pem"
[host."https://m:8443"]
  capabilities = ["pull", "Resolve"]
  ca = ["one.pem", "sub/two.pem"]
  client = [["c.cert", "c.key"], ["both.pem"]]
  skip_verify = true
  dial_timeout = "1m500ms"
  [host."https://m:8443".header]
    X-One = "1"
    x-many = ["a", "b"]
`;
  const { hosts, root } = await hostsBy({ "q/hosts.toml": text }, "q");
  const at = (name: string) => join(root, "q", name);
  const [mirror, own] = hosts;
  assert.equal(mirror?.capabilities, ["pull", "resolve"]);
  assert.equal(mirror?.tls, {
    caFiles: [at("one.pem"), at("sub/two.pem")],
    clientPairs: [
      { certFile: at("c.cert"), keyFile: at("c.key") },
      { certFile: at("both.pem"), keyFile: at("both.pem") },
    ],
    skipVerify: true,
  });
  assert.equal(mirror?.headers, { "x-one": "1", "x-many": "a, b" });
  assert.is(mirror?.dialTimeoutMs, 60_500);
  assert.is(mirror?.namespace, "q");
  assert.is(mirror?.credentialHost, "m:8443");
  assert.equal(own?.tls?.caFiles, ["/abs/ca.pem"]);
});

test("Docker's layout: authorities and client pairs", async () => {
  const files = { "q/a.crt": "", "q/b.crt": "", "q/client.cert": "", "q/client.key": "" };
  const { hosts, root } = await hostsBy(files, "q");
  const at = (name: string) => join(root, "q", name);
  assert.equal(hosts[0]?.tls, {
    caFiles: [at("a.crt"), at("b.crt")],
    clientPairs: [{ certFile: at("client.cert"), keyFile: at("client.key") }],
    skipVerify: false,
  });
});

const malformed: [text: string, words: RegExp][] = [
  ["server = ", /hosts\.toml: /],
  ["server = 1", /server is not a string/],
  ['[host."https://m"]\ncapabilities = ["fly"]', /host "https:\/\/m": unknown capability "fly"/],
  ['[host."ftp://m"]', /no address of a registry/],
  ['[host."https://user:pass@m"]', /no address of a registry/],
  ['skip_verify = "yes"', /skip_verify is not true or false/],
  ['client = [["a", "b", "c"]]', /client is not a certificate/],
  ["ca = [1]", /ca is not a string or a list/],
  ['dial_timeout = "soon"', /dial_timeout is not a duration/],
  ['[header]\n"a b" = "c"', /header is not names and values/],
  ['[header]\na = "c\\nevil: 1"', /header is not names and values/],
];
for (const [text, words] of malformed) {
  test(`one line for ${JSON.stringify(text)}`, async () => {
    const error: CtrError = await hostsBy({ "q/hosts.toml": text }, "q").then(
      () => assert.unreachable(),
      (failure) => failure,
    );
    assert.is(error.code, "InvalidArgument", error.message);
    assert.match(error.message, words);
    assert.not.match(error.message, /\n/);
  });
}

test("beside an empty hosts.toml, too, Docker's layout counts", async () => {
  const { hosts, root } = await hostsBy({ "q/hosts.toml": "", "q/a.crt": "" }, "q");
  assert.equal(hosts[0]?.tls?.caFiles, [join(root, "q", "a.crt")]);
});

test("a client certificate may hold its key; one that does not is named", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path, { tls: true, clientCertificate: true });
  const ref = await pushImage(image, registry, "some/app", "1");
  const { authority, clientCertificate, clientKey } = registry.certificates!;
  const certs = join(dir.path, "certs.d");
  const resolve = (cert: string) => {
    writeFiles(certs, {
      [`${registry.host}/ca.crt`]: readFileSync(authority, "utf8"),
      [`${registry.host}/client.cert`]: cert,
    });
    return openResolver({ hostsDirs: [certs], pace: PACE }).resolve(ref);
  };
  const certificate = readFileSync(clientCertificate, "utf8");
  const { target } = await resolve(`${certificate}${readFileSync(clientKey, "utf8")}`);
  assert.is(target.digest, image.target.digest);
  const error: CtrError = (await resolve(certificate).catch((failure) => failure)) as never;
  assert.match(error.message, /client\.cert: missing key for client certificate/);
});

const PACE = { tries: 2, firstDelayMs: 1, responseMs: 3_000 };
const image = buildImage({ layers: [buildLayer([{ path: "file", content: "hello" }])] });

test("mirrors are asked in turn, with the namespace and their headers; the next where one fails", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  const ref = await pushImage(image, registry, "some/app", "1");
  await using broken = await startHostileRegistry({});
  await using failing = await startHostileRegistry({ "/v2/some/app/manifests/1": { status: 500 } });
  const mirrors = ["http://127.0.0.1:1", broken.url, failing.url];
  const text = mirrors.map((url) => `[host."${url}"]\n[host."${url}".header]\nx-key = "hunter22"\n`).join("");
  writeFiles(join(dir.path, "certs.d"), {
    [`${registry.host}/hosts.toml`]: `server="${registry.url}"\n${text}`,
  });
  const log: string[] = [];
  const resolver = openResolver({
    hostsDirs: [join(dir.path, "certs.d")],
    pace: PACE,
    dump: (line) => log.push(line),
    credentials: (host) =>
      host === registry.host ? { username: "u", secret: "upstream-secret" } : undefined,
  });
  const { target } = await resolver.resolve(ref);
  assert.is(target.digest, image.target.digest);
  for await (const _ of resolver.fetcher(ref).fetch(image.blobs[0]!.descriptor)) {
  }
  assert.is(broken.seen[0]?.path, `/v2/some/app/manifests/1?ns=${registry.host.replace(":", "%3A")}`);
  for (const { headers } of [...broken.seen, ...failing.seen]) {
    assert.is(headers["x-key"], "hunter22");
    assert.is(headers.authorization, undefined);
  }
  assert.ok(failing.seen.length >= 2, "a passing failure is tried again");
  assert.not.match(log.join("\n"), /hunter22|upstream-secret/);
});

test("a mirror's header goes along no redirect", async () => {
  await using storage = await startHostileRegistry({ "/data": { body: image.blobs[0]!.data as Uint8Array } });
  const { digest } = image.blobs[0]!.descriptor;
  await using mirror = await startHostileRegistry({
    [`/v2/app/blobs/${digest}`]: { status: 307, headers: { location: `${storage.url}/data` } },
  });
  using dir = tempDir();
  writeFiles(dir.path, { "q.example/hosts.toml": `[host."${mirror.url}".header]\nx-key = "hunter22"\n` });
  const resolver = openResolver({ hostsDirs: [dir.path], pace: PACE });
  for await (const _ of resolver.fetcher("q.example/app:1").fetch(image.blobs[0]!.descriptor)) {
  }
  assert.is(mirror.seen[0]?.headers["x-key"], "hunter22");
  assert.is(storage.seen[0]?.headers["x-key"], undefined);
});

test("a mirror's own challenge is met with its own credentials", async () => {
  await using mirror = await startHostileRegistry({
    "/v2/app/manifests/1": { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } },
  });
  using dir = tempDir();
  const text = `server = "http://127.0.0.1:1"\n[host."${mirror.url}"]\n`;
  writeFiles(dir.path, { "q.example/hosts.toml": text });
  const asked: string[] = [];
  const resolver = openResolver({
    hostsDirs: [dir.path],
    pace: PACE,
    credentials: (host, repository) => {
      asked.push(`${host} ${repository}`);
      return host === mirror.host ? { username: "u", secret: "pass" } : undefined;
    },
  });
  await resolver.resolve("q.example/app:1").catch(() => {});
  assert.equal(asked, [`${mirror.host} app`]);
  const basic = `Basic ${Buffer.from("u:pass").toString("base64")}`;
  assert.is(mirror.seen[1]?.headers.authorization, basic);
});

test("capabilities say who is asked for what", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  const ref = await pushImage(image, registry, "some/app", "1");
  await using mirror = await startHostileRegistry({});
  const certs = join(dir.path, "certs.d");
  const file = `${registry.host}/hosts.toml`;
  const mirrorCan = (list: string) => `[host."${mirror.url}"]\ncapabilities = [${list}]\n`;
  writeFiles(certs, { [file]: `server = "${registry.url}"\n${mirrorCan('"push"')}` });
  const open = () => openResolver({ hostsDirs: [certs], pace: PACE });
  await open().resolve(ref);
  assert.is(mirror.seen.length, 0);
  writeFiles(certs, { [file]: `server = "${registry.url}"\ncapabilities = ["push"]\n` });
  const error: CtrError = (await open()
    .resolve(ref)
    .catch((failure) => failure)) as never;
  assert.match(error.message, /no resolve hosts/);
});

test("TLS by hosts.toml: authority and the right one of several client certificates", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path, { tls: true, clientCertificate: true });
  const ref = await pushImage(image, registry, "some/app", "1");
  const { authority, clientCertificate, clientKey } = registry.certificates!;
  const certs = join(dir.path, "certs.d");
  const other = createCertificates(join(dir.path, "other"));
  const wrong = [other.clientCertificate, other.clientKey];
  const pairs = [wrong, [clientCertificate, clientKey], wrong];
  const client = `client = ${JSON.stringify(pairs)}`;
  const text = `server = "${registry.url}"\nca = ${JSON.stringify(authority)}\n${client}\n`;
  writeFiles(certs, { [`localhost_${registry.port}_/hosts.toml`]: text });
  const { target } = await openResolver({ hostsDirs: [certs], pace: PACE }).resolve(ref);
  assert.is(target.digest, image.target.digest);
});

test("skip_verify, also for what is written as http", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path, { tls: true });
  const ref = await pushImage(image, registry, "some/app", "1");
  const certs = join(dir.path, "certs.d");
  for (const scheme of ["https", "http"]) {
    const text = `server = "${scheme}://${registry.host}"\nskip_verify = true\n`;
    writeFiles(certs, { [`${registry.host}/hosts.toml`]: text });
    const { target } = await openResolver({ hostsDirs: [certs], pace: PACE }).resolve(ref);
    assert.is(target.digest, image.target.digest);
  }
});

test("a host that does not take connections is given up after dial_timeout", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  const ref = await pushImage(image, registry, "some/app", "1");
  // TEST-NET-1 (RFC 5737): nobody answers, or nothing leads there.
  const text = `server = "${registry.url}"\n[host."http://192.0.2.1"]\ndial_timeout = "50ms"\n`;
  writeFiles(dir.path, { [`certs.d/${registry.host}/hosts.toml`]: text });
  const events: string[] = [];
  const hostsDirs = [join(dir.path, "certs.d")];
  const resolver = openResolver({ hostsDirs, trace: (line) => events.push(line) });
  assert.is((await resolver.resolve(ref)).target.digest, image.target.digest);
  assert.match(events.join("\n"), /192\.0\.2\.1 cannot resolve it/);
});

test.run();
