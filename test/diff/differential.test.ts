import { mkdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import { nastyLayers } from "../fixtures/diff/nasty-layers.ts";
import { type Oracle, startOracle } from "../support/containerd.ts";
import { buildImage, buildLayer, type Layer, writeLayout } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";
import { unpackAndList } from "../support/unpack.ts";

/** What the real ctr's containers would see of the image. */
async function listByOracle(oracle: Oracle, dir: TempDir, layers: readonly Layer[]): Promise<string[]> {
  const layout = dir.join("layout");
  await writeLayout(buildImage({ layers }), layout, "1");
  const archive = dir.join("nasty.tar");
  const packed = await run(["tar", "-C", layout, "-cf", archive, "."]);
  if (packed.code !== 0) throw new Error(packed.stderr);
  await oracle.ok("images", "import", "--base-name", "docker.io/library/nasty", archive);
  const rows = (await oracle.ok("snapshots", "list")).split("\n").slice(1);
  const parents = new Set(rows.map((row) => row.split(/\s+/)[1]));
  const top = rows.map((row) => row.split(/\s+/)[0]!).find((key) => key !== "" && !parents.has(key))!;

  const mounts = JSON.parse(await oracle.ok("snapshots", "view", "--mounts", "nasty-view", top)) as {
    Type: string;
    Source: string;
    Options: string[];
  }[];
  const place = dir.join("oracle-rootfs");
  mkdirSync(place);
  mountAll(
    mounts.map(({ Type, Source, Options }) => ({ type: Type, source: Source, options: Options })),
    place,
  );
  try {
    return listTree(place);
  } finally {
    unmountAll(place);
  }
}

/**
 * Of directories that a layer only implies, and of the root, nobody says when they were changed: the real ctr's have
 * the time of unpacking.
 */
const UNSAID = /^(\.|hidden|half|replaced-by-link|\S*implied\S*) /;
const withoutUnsaidTimes = (lines: readonly string[]) =>
  lines.map((line) => (UNSAID.test(line) ? line.replace(/ mtime=\d+/, "") : line));

test("the root filesystem of a nasty image is the real ctr's, entry by entry", async () => {
  using dir = tempDir();
  await using oracle = await startOracle(dir.path);
  const layers = nastyLayers.map((entries, at) =>
    buildLayer(entries, { compression: (["gzip", "zstd", "none"] as const)[at % 3] }),
  );
  const ours = await unpackAndList(dir, layers);
  const theirs = await listByOracle(oracle, dir, layers);
  assert.ok(ours.length > 60, `only ${ours.length} entries`);
  assert.equal(withoutUnsaidTimes(ours), withoutUnsaidTimes(theirs));
});

test.run();
