import { statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openClient } from "../../src/client/open.ts";
import { mapOwners } from "../../src/client/snapshots/remap-snapshot.ts";
import { openWorkbench } from "../support/workbench.ts";

// A snapshot plugin gives overlays too, and cannot map owners: the copy was mounted read-only, and every --uidmap failed.
test("a copy with other owners can be made on an overlay, too", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", image, "c", "true");
  await using client = openClient({ root: ctr.root, state: ctr.state, namespace: ctr.namespace });
  const snapshotter = await client.snapshotter();
  const { parent } = await snapshotter.stat("c");
  snapshotter.canRemap = () => false;
  const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const base = await mapOwners(client, snapshotter, parent, { uidMappings: ids, gidMappings: ids }, false);
  assert.equal(base, { parent: `${parent}-100000-100000`, labels: {} });
  const [mount] = await snapshotter.view("look", base.parent);
  const lower = /^lowerdir=([^:]+)/.exec(
    mount!.options.find((one) => one.startsWith("lowerdir=")) ?? "",
  )?.[1];
  assert.is(statSync(`${lower}/etc/passwd`).uid, 100_000);
});

test.run();
