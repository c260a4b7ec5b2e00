import { test } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";

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
async function withProxy(url: string, work: () => Promise<void>): Promise<void> {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of VARIABLES) delete process.env[name];
  process.env.HTTP_PROXY = url;
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

test.run();
