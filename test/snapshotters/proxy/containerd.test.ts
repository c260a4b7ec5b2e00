import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../../src/core/errors.ts";
import { openMetadata } from "../../../src/metadata/index.ts";
import { Plugin } from "../../../src/snapshotters/proxy/plugin.ts";
import { openProxy } from "../../../src/snapshotters/proxy/snapshotter.ts";
import { mountAll, unmountAll } from "../../../src/sys/mount.ts";
import { startOracle } from "../../support/containerd.ts";
import { tempDir } from "../../support/temp.ts";

const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "none";
  } catch (error) {
    return hasCode(error, "NotFound", "AlreadyExists", "FailedPrecondition", "InvalidArgument")
      ? error.code
      : String(error);
  }
};

/** containerd serves its own snapshotters by the same service: Go's word on what we send and read. */
test("containerd itself serves as a plugin", async () => {
  using dir = tempDir();
  await using oracle = await startOracle(dir.path);
  const root = dir.join("state");
  const metadata = openMetadata(`${root}/metadata.db`);
  const plugin = new Plugin({ name: "overlayfs", address: oracle.address }, oracle.namespace);
  const records = metadata.snapshots("default", "theirs");
  const snapshotter = openProxy({ root, namespace: oracle.namespace, records, plugin });
  const place = join(dir.path, "place");
  mkdirSync(place);
  try {
    const labels = { "containerd.io/snapshot/note": "for the plugin", own: "for us" };
    mountAll(await snapshotter.prepare("key", "", { labels }), place);
    writeFileSync(join(place, "file"), Buffer.alloc(1 << 20, "x"));
    unmountAll(place);
    const named = JSON.parse(readFileSync(join(root, "snapshots/overlayfs/1"), "utf8")) as string[];
    const info = JSON.parse(await oracle.ok("snapshots", "info", named[0]!));
    assert.is(info.Kind, "Active");
    assert.equal(info.Labels, { "containerd.io/snapshot/note": "for the plugin" });
    await snapshotter.label("key", {
      "containerd.io/snapshot/note": "",
      "containerd.io/snapshot/other": "1",
    });
    const relabelled = JSON.parse(await oracle.ok("snapshots", "info", named[0]!));
    assert.equal(relabelled.Labels, { "containerd.io/snapshot/other": "1" });

    await snapshotter.commit("base", "key");
    const { sizeBytes, inodes } = await snapshotter.usage("base");
    assert.ok(sizeBytes >= 1 << 20 && sizeBytes < 2 << 20, `${sizeBytes}`);
    assert.is(inodes, 2);
    const mounts = await snapshotter.prepare("work", "base");
    assert.equal(await snapshotter.mounts("work"), mounts);
    mountAll(mounts, place);
    assert.is(readFileSync(join(place, "file")).length, 1 << 20);
    unmountAll(place);
    mountAll(await snapshotter.view("look", "base"), place);
    assert.throws(() => writeFileSync(join(place, "x"), ""), /EROFS|read-only/i);
    unmountAll(place);
    assert.is(await snapshotter.isIntact?.("base"), true);
    const listed = await plugin.list([
      `parent==${JSON.stringify((await plugin.list([])).find(({ kind }) => kind === "Committed")!.name)}`,
    ]);
    assert.equal(listed.map(({ kind }) => kind).sort(), ["Active", "View"]);

    assert.is(await codeOf(plugin.stat("nowhere")), "NotFound");
    assert.is(await codeOf(plugin.prepare(listed[0]!.name, "", {})), "AlreadyExists");
    assert.is(await codeOf(plugin.remove(listed[0]!.parent)), "FailedPrecondition");
    assert.is(
      await codeOf(new Plugin({ name: "nosuch", address: oracle.address }, "default").stat("x")),
      "InvalidArgument",
    );

    for (const key of ["work", "look", "base"]) await snapshotter.remove(key);
    assert.is(await oracle.ok("snapshots", "list"), "KEY PARENT KIND \n");
  } finally {
    await plugin.close();
    metadata.close();
  }
});

test.run();
