import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";

const VARIABLES = [
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
  "ALL_PROXY",
  "HTTPS_PROXY",
  "https_proxy",
];
const FOUND = {
  headers: {
    "content-type": mediaTypes.ociManifest,
    "docker-content-digest": `sha256:${"a".repeat(64)}`,
    "content-length": "10",
  },
};

/** Runs with that proxy alone in the environment, then puts everything back. */
async function withProxy(
  url: string,
  work: () => Promise<void>,
  variable: "HTTP_PROXY" | "HTTPS_PROXY" = "HTTP_PROXY",
): Promise<void> {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of VARIABLES) delete process.env[name];
  process.env[variable] = url;
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

test("loopback registries are not asked through the proxy, others are", async () => {
  await using proxy = await startHostileRegistry({
    "http://registry.invalid/v2/app/manifests/latest": FOUND,
  });
  await using registry = await startHostileRegistry({ "/v2/app/manifests/latest": FOUND });
  await withProxy(proxy.url, async () => {
    const resolver = openResolver({ plainHttp: true, pace: { tries: 1 } });
    await resolver.resolve(`${registry.host}/app`);
    await resolver.resolve(`${registry.host.replace("127.0.0.1", "localhost")}/app`);
    assert.is(proxy.seen.length, 0);
    await resolver.resolve("registry.invalid/app");
    assert.is(proxy.seen.length, 1);
  });
});

/** Takes CONNECT for any host, and makes the connection to a port of this machine. */
async function startTunnel(port: number) {
  const heads: string[] = [];
  const server = createServer((client) => {
    client.on("error", () => {});
    client.once("data", (head) => {
      heads.push(head.toString("latin1"));
      const onward = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(onward).pipe(client);
      });
      onward.on("error", () => client.destroy());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    heads,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

test("https goes through a proxy's tunnel, whose password goes to the proxy alone and is not shown", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path, { tls: true });
  const image = buildImage({ layers: [buildLayer([{ path: "file" }])] });
  await pushImage(image, registry, "app", "1");
  await using tunnel = await startTunnel(registry.port);
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  await withProxy(
    `http://user:hunter22@${tunnel.address}`,
    async () => {
      const resolver = openResolver({ skipVerify: true, pace: { tries: 1 }, dump: say, trace: say });
      const { target } = await resolver.resolve("registry.invalid/app:1");
      assert.is(target.digest, image.target.digest);
    },
    "HTTPS_PROXY",
  );
  assert.match(tunnel.heads[0]!, /^CONNECT registry\.invalid:443 HTTP\/1\.1\r\n/);
  const basic = Buffer.from("user:hunter22").toString("base64");
  assert.match(tunnel.heads[0]!.toLowerCase(), `proxy-authorization: basic ${basic}`.toLowerCase());
  assert.not.match(said.join("\n"), /hunter22/);
  assert.not.match(said.join("\n"), basic);
});

test.run();
