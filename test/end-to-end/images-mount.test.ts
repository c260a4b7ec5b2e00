import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unmountAll } from "../../src/sys/mount.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { mountsBelow } from "../support/mounts.ts";
import { listTree } from "../support/tree.ts";
import { applyToDirectory } from "../support/unpack.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const test = suite("images mount and unmount");

const withBench = (use: (bench: Workbench, target: string) => Promise<void>) => async () => {
  await using bench = await openWorkbench({ image: busyboxImage() });
  const target = bench.directory.join("mounted/here");
  mkdirSync(target);
  try {
    await use(bench, target);
  } finally {
    unmountAll(bench.directory.path);
  }
};

test("what is mounted is the layer's tree, exactly, and cannot be written to", () =>
  withBench(async ({ ctr, image, directory }, target) => {
    await applyToDirectory(directory.join("expected"), busyboxLayer());
    const [chainId, printed] = (await ctr.ok("images", "mount", image, target)).split("\n");
    assert.match(chainId!, /^sha256:/);
    assert.is(printed, target);
    // The layer says nothing about its root itself.
    assert.equal(listTree(target).slice(1), listTree(directory.join("expected")).slice(1));
    assert.throws(() => writeFileSync(join(target, "new"), ""), /EROFS/);
    assert.is(await ctr.ok("images", "unmount", "--rm", target), `${target}\n`);
    assert.equal(mountsBelow(target), []);
  })());

test("several layers are mounted over each other", async () => {
  const layers = [
    busyboxLayer(),
    buildLayer([{ path: "etc/passwd", content: "changed" }]),
    buildLayer([{ path: "etc/.wh.group", content: "" }]),
  ];
  await using bench = await openWorkbench({ image: buildImage({ layers }) });
  const [, place] = (await bench.ctr.ok("images", "mount", bench.image)).split("\n");
  assert.is(readFileSync(join(place!, "etc/passwd"), "utf8"), "changed");
  assert.not.ok(existsSync(join(place!, "etc/group")));
  await bench.ctr.ok("images", "unmount", "--rm", place!);
});

test("with --rw there is a copy to write to, and the image stays as it is", () =>
  withBench(async ({ ctr, image }, target) => {
    await ctr.ok("images", "mount", "--rw", "--label", "team=ci", image, target);
    writeFileSync(join(target, "new"), "kept");
    assert.equal(JSON.parse(await ctr.ok("snapshots", "info", target)).Labels.team, "ci");
    await ctr.ok("images", "unmount", target);
    assert.not.ok(existsSync(join(target, "new")));
    await ctr.ok("images", "mount", "--rw", image, target);
    assert.is(readFileSync(join(target, "new"), "utf8"), "kept", "without --rm the snapshot stays");
    await ctr.ok("images", "unmount", "--rm", target);
    await ctr.ok("images", "mount", "--rw", image, target);
    assert.not.ok(existsSync(join(target, "new")));
  })());

test("a lease keeps what is mounted, also when its image is gone", () =>
  withBench(async ({ ctr, image }, target) => {
    await ctr.ok("images", "mount", "-x", "2h", image, target);
    await ctr.ok("images", "rm", "--sync", image);
    assert.ok(existsSync(join(target, "bin/busybox")));
    const [lease] = JSON.parse(await ctr.ok("leases", "ls", "-o", "json"));
    assert.is(lease.id, target);
    const lifetimeMs = new Date(lease.expiresAt).getTime() - new Date(lease.createdAt).getTime();
    assert.is(Math.round(lifetimeMs / 60_000), 120);
    await ctr.ok("images", "unmount", "--rm", target);
    assert.equal(JSON.parse(await ctr.ok("leases", "ls", "-o", "json")), []);
    assert.not.match(await ctr.ok("snapshots", "ls"), new RegExp(target));
  })());

test("without a target a directory is made, printed, and removed by unmount --rm", () =>
  withBench(async ({ ctr, image }) => {
    const [, first] = (await ctr.ok("images", "mount", image)).split("\n");
    const [, second] = (await ctr.ok("images", "mount", image)).split("\n");
    assert.is.not(first, second);
    assert.ok(existsSync(join(first!, "bin/busybox")));
    for (const place of [first!, second!]) {
      await ctr.ok("images", "unmount", "--rm", place);
      assert.not.ok(existsSync(place));
    }
  })());

test("a mount that fails leaves neither lease nor snapshot, and the next one is not confused by the last", () =>
  withBench(async ({ ctr, image }, target) => {
    const before = await ctr.ok("snapshots", "ls");
    assert.match((await ctr("images", "mount", image, "/nosuch")).stderr, /no such file or directory/);
    assert.match((await ctr("images", "mount", "nosuch", target)).stderr, /image "nosuch": not found/);
    assert.is((await ctr("images", "mount", "--platform", "linux/s390x/v1", image, target)).code, 0);
    await ctr.ok("images", "unmount", "--rm", target);
    assert.is(await ctr.ok("snapshots", "ls"), before);
    assert.is(await ctr.ok("leases", "ls", "-q"), "");
    await ctr.ok("images", "mount", image, target);
    const { code, stderr } = await ctr("images", "mount", "--rw", image, target);
    assert.is(code, 1);
    assert.match(stderr, /failed precondition \(remove it with: ctr images unmount --rm/);
  })());

test("a mount in use is not torn away", () =>
  withBench(async ({ ctr, image }, target) => {
    await ctr.ok("images", "mount", image, target);
    const user = Bun.spawn(["sleep", "1000"], { cwd: target });
    try {
      const { code, stderr } = await ctr("images", "unmount", "--rm", target);
      assert.is(code, 1);
      assert.match(stderr, /busy/i);
      assert.ok(existsSync(join(target, "bin/busybox")));
    } finally {
      user.kill();
      await user.exited;
    }
    await ctr.ok("images", "unmount", "--rm", target);
  })());

test.run();
