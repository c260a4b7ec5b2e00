import { test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { blobOf, buildImage } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { openWorkbench } from "../support/workbench.ts";

// STORE-006: a layer that is a filesystem image would have the kernel parse what a stranger made.

/** The superblock's magic number, at 1024. */
const superblock = Buffer.alloc(4096);
superblock.writeUInt32LE(0xe0f5e1e2, 1024);

for (const mediaType of ["application/vnd.erofs.layer.v1", "application/vnd.erofs"]) {
  test(`a layer of type ${mediaType} is never mounted`, async () => {
    await using bench = await openWorkbench({ isPulled: false });
    const { ctr, registry } = bench;
    const layer = {
      ...blobOf(mediaType, superblock),
      diffId: blobOf(mediaType, superblock).descriptor.digest,
    };
    const image = await pushImage(buildImage({ layers: [busyboxLayer(), layer] }), registry, "library/erofs");
    await ctr("images", "pull", image);
    const { code, stdout, stderr } = await ctr("run", "--rm", image, "c", "true");
    assert.is(`${code} ${stdout}`, "1 ");
    assert.match(stderr, /^ctr: [^\n]*media type[^\n]*\n$/);
    assert.is(await ctr.ok("containers", "list", "-q"), "");
  });
}

test.run();
