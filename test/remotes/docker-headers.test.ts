import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readDockerHeaders } from "../../src/remotes/docker-headers.ts";
import { createCtr } from "../support/ctr.ts";
import { type Answer, type SeenRequest, startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { servedImage } from "../support/served-image.ts";
import { tempDir } from "../support/temp.ts";

const files: [name: string, file: string | undefined, headers: Record<string, string>][] = [
  ["no file", undefined, {}],
  ["nothing about them", '{"auths":{}}', {}],
  ["one for registries", '{"HttpHeaders":{"X-Meta-Team":"blue"}}', { "x-meta-team": "blue" }],
  ["one for Docker's daemon", '{"HttpHeaders":{"User-Agent":"x","Authorization":"y","Host":"z"}}', {}],
  [
    "one that would be two",
    '{"HttpHeaders":{"X-Meta-A":"b\\r\\nevil: 1","X-Meta-B:":"c","X-Meta-":"d"}}',
    {},
  ],
  ["a broken file", "{", {}],
];
for (const [name, file, headers] of files) {
  test(`headers of Docker's configuration: ${name}`, async () => {
    using dir = tempDir();
    if (file !== undefined) writeFileSync(dir.join("config.json"), file);
    assert.equal(await readDockerHeaders({ DOCKER_CONFIG: dir.path }), headers);
  });
}

test("they go to the registry, and neither to its token server nor along redirects, and are not shown", async () => {
  const image = buildImage({ layers: [buildLayer([{ path: "file", content: "hello" }])] });
  const answers = Object.entries(servedImage(image));
  await using elsewhere = await startHostileRegistry({
    "/token": { body: '{"token":"t0ken-of-it"}' },
    ...Object.fromEntries(answers.map(([path, answer]) => [`/data${path}`, answer])),
  });
  const challenge = { "www-authenticate": `Bearer realm="${elsewhere.url}/token",service="x"` };
  const guarded =
    (answer: Answer) =>
    ({ headers }: SeenRequest): Answer =>
      headers.authorization ? answer : { status: 401, headers: challenge };
  const script = answers.map(([path, answer]) => {
    const isBlob = path.startsWith("/v2/app/blobs/");
    const location = `${elsewhere.url}/data${path}`;
    return [path, isBlob ? { status: 307, headers: { location } } : guarded(answer)];
  });
  await using registry = await startHostileRegistry(Object.fromEntries(script));
  using dir = tempDir();
  await using ctr = createCtr(dir.path);
  mkdirSync(join(ctr.env.HOME!, ".docker"));
  const config = { HttpHeaders: { "X-Meta-Key": "hunter22-hunter22" } };
  writeFileSync(join(ctr.env.HOME!, ".docker/config.json"), JSON.stringify(config));
  const { code, stdout, stderr } = await ctr(
    "images",
    "pull",
    "--http-dump",
    "--http-trace",
    `${registry.host}/app:1`,
  );
  assert.is(code, 0, stderr);
  for (const { headers, path } of registry.seen) assert.is(headers["x-meta-key"], "hunter22-hunter22", path);
  assert.ok(elsewhere.seen.some(({ path }) => path.startsWith("/token")));
  assert.ok(elsewhere.seen.some(({ path }) => path.startsWith("/data")));
  for (const { headers, path } of elsewhere.seen) assert.is(headers["x-meta-key"], undefined, path);
  assert.match(stderr, /^x-meta-key: <redacted>$/m);
  assert.not.match(`${stdout}${stderr}`, /hunter22/);
});

test.run();
