import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import { openWorkbench } from "../support/workbench.ts";

const test = suite("what a pull waits for");

const LAYERS = 12;
const image = () =>
  buildImage({
    layers: Array.from({ length: LAYERS }, (_, at) => buildLayer([{ path: `d/${at}`, content: `${at}` }])),
  });

test("each blob is synced once, layers with others, the database when the image is recorded", async () => {
  await using bench = await openWorkbench({ image: image(), isPulled: false });
  const log = bench.directory.join("syncs");
  // What is made once, with the first write, is not looked at.
  await bench.ctr.ok("namespaces", "create", "first");
  const trace = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,syncfs", "-o", log];
  const pull = await run([...trace, ctrExecutable, "images", "pull", bench.image], { env: bench.ctr.env });
  assert.is(pull.code, 0, pull.stderr);
  const calls = [...readFileSync(log, "utf8").matchAll(/(\w+)\(\d+<([^>]+)>/g)];
  const count = (call: RegExp, path: RegExp) =>
    calls.filter(([, name = "", on = ""]) => call.test(name) && path.test(on)).length;
  const layerSyncs = count(/^syncfs$/, /snapshots\/overlayfs\/\d+\/fs$/);
  assert.ok(layerSyncs > 0 && layerSyncs <= LAYERS, `${layerSyncs} syncs of layers`);
  assert.is(count(/sync$/, /content\/ingest\/\w+\/data$/), LAYERS + 2);
  const commits = count(/sync$/, /metadata\.db-wal$/);
  assert.ok(commits > 0 && commits < LAYERS, `${commits} syncs of the database`);
});

test.run();
