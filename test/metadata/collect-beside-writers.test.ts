import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../src/content/index.ts";
import type { Digest } from "../../src/core/digest.ts";
import { fileOf } from "../suites/content-store.ts";
import { openContent } from "../support/content.ts";
import { openDirectories } from "../support/directories.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const FIXTURE = join(import.meta.dirname, "../fixtures/content/pull-and-check.ts");

test("pulls in two namespaces beside collections lose nothing, and nothing is left over", async () => {
  using dir = tempDir();
  using one = openContent(dir.path, "one");
  using two = openContent(dir.path, "two");
  const sweepers = {
    root: dir.path,
    content: openContentSweeper(dir.path),
    snapshotters: [openDirectories(dir.path)],
  };
  let isPulling = true;
  let collections = 0;
  const collecting = (async () => {
    while (isPulling) {
      await Promise.all([one.metadata.collectGarbage(sweepers), two.metadata.collectGarbage(sweepers)]);
      collections += 1;
    }
  })();
  const pulls = ["one", "two", "one", "two"].map((namespace, seed) =>
    run([process.execPath, FIXTURE, dir.path, namespace, String(seed), "15"]),
  );
  const results = await Promise.all(pulls);
  isPulling = false;
  await collecting;
  assert.equal(
    results.filter(({ code }) => code !== 0).map(({ stderr }) => stderr),
    [],
  );
  assert.ok(collections > 3, `${collections} collections`);

  await one.metadata.collectGarbage(sweepers);
  const kept = new Set<Digest>();
  for (const [namespace, store] of [
    ["one", one],
    ["two", two],
  ] as const) {
    assert.is(store.metadata.images(namespace).list().length, 2);
    for await (const { digest } of store.walk()) {
      assert.ok(await store.verify(digest));
      kept.add(digest);
    }
  }
  // A manifest for each of the four, and the shared blob of their last round.
  assert.is(kept.size, 5);
  assert.equal(
    readdirSync(join(fileOf(dir.path, [...kept][0]!), "..")).sort(),
    [...kept].map((digest) => digest.slice("sha256:".length)).sort(),
  );
  assert.equal(readdirSync(dir.join("content/ingest")), []);
});

test.run();
