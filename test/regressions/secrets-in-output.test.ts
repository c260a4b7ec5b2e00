import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCtr } from "../support/ctr.ts";
import { type Answer, startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { placeOf, servedImage } from "../support/served-image.ts";
import { tempDir } from "../support/temp.ts";
import { guarded, startTokenServer } from "../support/token-server.ts";

// containerd #12491, #12859: passwords, tokens and signed addresses were written to logs and errors.

const PASSWORD = "hunter22-the-password";
const SIGNATURE = "signed-address-of-a-layer";
const SCOPE = "repository:app:pull";

/** The bytes of every file below. */
function bytesBelow(directory: string): Buffer {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
}

test("no password, token or signed address is seen in any output or kept in the state", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  const credentials = { username: "user", password: PASSWORD };
  await using tokens = await startTokenServer({ credentials });
  await using storage = await startHostileRegistry({
    "/layer": ({ path }): Answer => ({ status: 403, body: JSON.stringify({ message: `no: ${path}` }) }),
  });
  const image = buildImage({ layers: [buildLayer([{ path: "a", content: "a" }])] });
  const location = `${storage.url}/layer?sig=${SIGNATURE}`;
  const answers = {
    ...servedImage(image),
    [placeOf(image.blobs[0]!)]: { status: 307, headers: { location } },
  };
  const script = Object.entries(answers).map(([path, answer]) => [path, guarded(tokens, SCOPE, answer)]);
  await using registry = await startHostileRegistry(Object.fromEntries(script));
  const { code, stdout, stderr } = await ctr(
    ...["--debug", "images", "pull", "--plain-http", "--http-dump", "--http-trace"],
    ...["--user", `user:${PASSWORD}`, `${registry.host}/app:1`],
  );
  assert.is(code, 1);
  assert.match(stderr, /403/);
  assert.ok(storage.seen.some(({ path }) => path.includes(SIGNATURE)));
  const given = registry.seen.flatMap(({ headers }) => headers.authorization ?? []);
  const bearer = given.find((value) => value.startsWith("Bearer "))!.slice("Bearer ".length);
  const basic = Buffer.from(`user:${PASSWORD}`).toString("base64");
  const seen = Buffer.concat([Buffer.from(stdout + stderr), bytesBelow(ctr.root)]);
  for (const secret of [PASSWORD, bearer, basic, SIGNATURE]) assert.not.ok(seen.includes(secret), secret);
});

test.run();
