import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountAt, unmountAll } from "../../src/sys/mount.ts";
import { openWorkbench } from "../support/workbench.ts";

// The kernel's version alone was asked: on NFS, or older ZFS, every --uidmap failed where a copy would have done.
test("on a filesystem that cannot map owners, users are mapped by a copy", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr, directory, image } = bench;
  // The root of a user namespace has to get through to its root filesystem.
  for (const path of [directory.path, dirname(directory.path)]) chmodSync(path, 0o711);
  mkdirSync(ctr.root, { recursive: true });
  mountAt({ type: "ramfs", source: "ramfs", options: ["rprivate"] }, ctr.root);
  try {
    await ctr.ok("images", "pull", image);
    const run = ["run", "--rm", "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
    assert.is(await ctr.ok(...run, image, "c", "stat", "-c", "%u", "/bin/sh"), "0\n");
    const { code, stderr } = await ctr(...run, "--remap-labels", image, "c", "true");
    assert.is(code, 1);
    assert.match(stderr, /^ctr: snapshotter overlayfs cannot map owners: failed precondition \(/);
    await ctr.ok("images", "delete", "--sync", image);
  } finally {
    unmountAll(ctr.root);
  }
});

test.run();
