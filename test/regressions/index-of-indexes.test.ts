import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { fullName, layoutArchive } from "../support/archive.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { type BuiltImage, blobOf, buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { placeOf, served, servedImage } from "../support/served-image.ts";
import { openWorkbench } from "../support/workbench.ts";

// Six small documents whose paths nobody comes to the end of: each index names the next one a hundred times.
const TIMES = 100;
const image = buildImage({ layers: [buildLayer([{ path: "file", content: "hello" }])] });

function indexOf(child: BuiltImage, times = TIMES): BuiltImage {
  const { platform: _, ...entry } = child.target;
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: Array(times).fill(entry) };
  const index = blobOf(mediaTypes.ociIndex, JSON.stringify(document));
  return { target: index.descriptor, blobs: [...child.blobs, index] };
}

let bomb = image;
for (let level = 0; level < 6; level++) bomb = indexOf(bomb);

for (const flags of [[], ["--all-platforms"], ["--all-metadata"]]) {
  test(`an index of indexes that multiply is read once each: pull ${flags.join(" ")}`, async () => {
    await using bench = await openWorkbench({ image: bomb, isPulled: false });
    const { ctr, registry, image: ref } = bench;
    await ctr.ok("images", "pull", ...flags, ref);
    assert.is((await ctr.ok("content", "ls", "-q")).trim().split("\n").length, bomb.blobs.length);
    await ctr.ok("images", "ls");
    await ctr.ok("images", "check", "--verify");
    await ctr.ok("images", "push", `${registry.host}/copy:1`, ref);
    await ctr.ok("images", "convert", "--uncompress", "--all-platforms", ref, "converted:1");
    await ctr.ok("images", "export", "--all-platforms", "/dev/null", ref);
    const { code, stderr } = await ctr("images", "inspect", ref);
    assert.is(code, 1);
    assert.match(stderr, /^ctr: image of more than 10000 parts: invalid argument\n$/);
    await ctr.ok("images", "rm", "--sync", ref, "converted:1");
    assert.is(await ctr.ok("content", "ls", "-q"), "");
  });
}

test("so is one in an archive", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr, directory } = bench;
  writeFileSync(directory.join("a.tar"), layoutArchive({ image: bomb, annotations: fullName("bomb:1") }));
  for (const flags of [[], ["--all-platforms"]]) {
    await ctr.ok("images", "import", ...flags, directory.join("a.tar"));
    await ctr.ok("images", "ls");
    await ctr.ok("images", "check");
  }
});

test("an image of documents that do not fit in memory together is refused before they are fetched", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const entries = Array.from({ length: 1000 }, (_, at) => {
    const { descriptor } = blobOf(mediaTypes.ociManifest, `${at}`);
    return { ...descriptor, size: 1024 * 1024 };
  });
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries };
  const index = blobOf(mediaTypes.ociIndex, JSON.stringify(document));
  const script = servedImage({ target: index.descriptor, blobs: [index] });
  await using registry = await startHostileRegistry(script);
  const { code, stderr } = await bench.ctr("images", "pull", "--all-platforms", `${registry.host}/app:1`);
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: indexes, manifests and configs of one image take more than \d+ bytes: invalid argument\n$/,
  );
  assert.is(await bench.ctr.ok("content", "ls", "-q"), "");
  assert.is(await bench.ctr.ok("content", "active"), "REF\tSIZE\tAGE\t\n");
});

test("an index that answers for one of its own entries is refused for its digest", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const entry = blobOf(mediaTypes.ociIndex, "never to be seen").descriptor;
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] };
  const index = blobOf(mediaTypes.ociIndex, JSON.stringify(document));
  const script = servedImage({ target: index.descriptor, blobs: [index] });
  await using registry = await startHostileRegistry({
    ...script,
    [placeOf({ descriptor: entry })]: served(index),
  });
  const { code, stderr } = await bench.ctr("images", "pull", `${registry.host}/app:1`);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: [^\n]*data loss[^\n]*\n$/);
  assert.is(await bench.ctr.ok("content", "ls", "-q"), "");
});

test("the same manifest for two platforms is there for both", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const entries = ["arm64", "s390x"].map((architecture) => ({
    ...image.target,
    platform: { os: "linux", architecture },
  }));
  const index = blobOf(
    mediaTypes.ociIndex,
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries }),
  );
  const built = { target: index.descriptor, blobs: [...image.blobs, index] };
  const ref = await pushImage(built, bench.registry, "twice");
  await bench.ctr.ok("content", "fetch", "--all-metadata", "--platform", "linux/s390x", ref);
  assert.match(await bench.ctr.ok("content", "ls", "-q"), new RegExp(image.blobs[0]!.descriptor.digest));
});

test.run();
