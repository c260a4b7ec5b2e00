import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { type BuiltImage, blobOf, type ImageBlob } from "../support/image.ts";
import { placeOf, servedImage } from "../support/served-image.ts";
import { openWorkbench } from "../support/workbench.ts";

const bytesOf = (blob: ImageBlob) => blob.data as Uint8Array<ArrayBuffer>;

/** The same bytes under a name by another algorithm. */
function renamed(blob: ImageBlob): ImageBlob {
  const digest = `sha512:${createHash("sha512").update(bytesOf(blob)).digest("hex")}` as Digest;
  return { ...blob, descriptor: { ...blob.descriptor, digest } };
}

function sha512Image(): BuiltImage {
  const [layer, config] = [renamed(busyboxLayer()), renamed(busyboxImage().blobs.at(-2)!)];
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  };
  const manifest = renamed(blobOf(mediaTypes.ociManifest, JSON.stringify(document)));
  return { target: manifest.descriptor, blobs: [layer, config, manifest] };
}

test("an image of sha512 digests is pulled, checked, run, exported and imported", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr, directory } = bench;
  const image = sha512Image();
  const { digest } = image.target;
  await using registry = await startHostileRegistry(servedImage(image));
  const ref = `${registry.host}/app:1`;
  await ctr.ok("images", "pull", ref);
  assert.match(await ctr.ok("images", "ls"), digest);
  assert.match(await ctr.ok("images", "check", "--verify"), /complete \(2\/2\)/);
  assert.is(await ctr.ok("run", "--rm", ref, "c1", "echo", "runs"), "runs\n");
  const archive = directory.join("image.tar");
  await ctr.ok("images", "export", archive, ref);
  await ctr.ok("images", "rm", "--sync", ref);
  assert.is(await ctr.ok("content", "ls", "-q"), "");
  await ctr.ok("images", "import", archive);
  assert.match(await ctr.ok("images", "ls"), digest);
  assert.is(await ctr.ok("run", "--rm", ref, "c2", "echo", "again"), "again\n");
});

test("wrong bytes for a sha512 digest are refused", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const image = sha512Image();
  const layer = image.blobs[0]!;
  const altered = bytesOf(layer).slice();
  altered[100]! ^= 1;
  await using registry = await startHostileRegistry({
    ...servedImage(image),
    [placeOf(layer)]: { body: altered },
  });
  const { code, stderr } = await bench.ctr("images", "pull", `${registry.host}/app:1`);
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: the registry's bytes for sha512:[0-9a-f]{128}: [^\n]*unexpected commit digest[^\n]*\n$/,
  );
  assert.is(await bench.ctr.ok("content", "ls", "-q"), "");
});

test.run();
