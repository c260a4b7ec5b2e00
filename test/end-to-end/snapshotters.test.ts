import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCtr } from "../support/ctr.ts";
import { diskDir } from "../support/disk-dir.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

const LAYER = "application/vnd.oci.image.layer.v1.tar";

for (const [name, makeDir] of [
  ["overlayfs", tempDir],
  ["native", tempDir],
  ["btrfs", () => diskDir("btrfs")],
] as const) {
  test(`${name}: images are unpacked, run, compared and removed`, async () => {
    await using bench = await openWorkbench({ isPulled: false });
    using dir = makeDir();
    await using ctr = createCtr(dir.path);
    const here = ["--snapshotter", name];
    await ctr.ok("images", "pull", ...here, bench.image);
    assert.is(await ctr.ok("run", "--rm", ...here, bench.image, "one", "echo", "hello"), "hello\n");

    const { code, stderr } = await ctr(
      "run",
      ...here,
      bench.image,
      "two",
      "sh",
      "-c",
      "echo new >/note; rm /bin/busybox",
    );
    assert.is(code, 0, stderr);
    const diff = async (...words: string[]) => {
      const { code, stdoutBytes, stderr } = await ctr("snapshots", ...here, "diff", ...words);
      assert.is(code, 0, stderr);
      return Buffer.from(stdoutBytes);
    };
    const plain = await diff("--media-type", LAYER, "two");
    assert.match(
      plain.toString("latin1"),
      /^bin\/\0[\s\S]*\0bin\/\.wh\.busybox\0[\s\S]*\0note\0[\s\S]*\0new\n\0/,
    );
    assert.equal(gunzipSync(await diff("two")), plain);
    assert.equal(zstdDecompressSync(await diff("--media-type", `${LAYER}+zstd`, "two")), plain);
    assert.equal(await diff("--media-type", LAYER, "two", "two"), Buffer.alloc(1024));

    await ctr.ok("containers", "rm", "two");
    await ctr.ok("images", "rm", "--sync", bench.image);
    assert.is((await ctr.ok("snapshots", ...here, "ls")).trim(), "KEY PARENT KIND");
    assert.equal(readdirSync(join(ctr.root, "snapshots", name)), []);
  });
}

test("a layer made by diff is collected unless it is kept", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("run", image, "c", "touch", "/new");
  const before = await ctr.ok("content", "ls", "-q");
  await ctr.ok("snapshots", "diff", "--ref", "mine", "c");
  const after = async () => (await ctr.ok("content", "ls", "-q")) === before;
  await waitFor(after, { what: "the layer's collection" });
  await ctr.ok("snapshots", "diff", "--keep", "--label", "who=me", "--media-type", LAYER, "c");
  await ctr.ok("content", "prune", "references");
  const kept = (await ctr.ok("content", "ls")).split("\n").find((line) => line.includes("who=me"));
  assert.match(kept ?? "", /containerd\.io\/gc\.root=\d{4}-/);
  assert.is((await ctr.ok("content", "active")).trim().split("\n").length, 1);
});

test("no time in a layer is later than SOURCE_DATE_EPOCH, and a bad one is refused", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("run", image, "c", "sh", "-c", "touch /new; rm /bin/busybox");
  const at = (epoch: string) =>
    ctr.with({ env: { SOURCE_DATE_EPOCH: epoch } })("snapshots", "diff", "--media-type", LAYER, "c");
  const { stdoutBytes } = await at("1000000000");
  const times = Buffer.from(stdoutBytes)
    .toString("latin1")
    .match(/(?<=\0)07346545000(?=\0)/g);
  assert.ok((times?.length ?? 0) >= 3, `${times}`);
  const bad = await at("yesterday");
  assert.is(bad.code, 1);
  assert.match(bad.stderr, /SOURCE_DATE_EPOCH value "yesterday"/);
});

test("an image is unpacked for another snapshotter by its digest, under the same chain IDs", async () => {
  await using bench = await openWorkbench();
  const { ctr } = bench;
  const digest = /sha256:\w+/.exec(await ctr.ok("images", "ls"))![0];
  const said = await ctr.ok("snapshots", "unpack", "--snapshotter", "native", digest);
  assert.match(said, new RegExp(`^unpacking ${digest} \\(application/[\\w.+-]+\\)\\.\\.\\.done\n$`));
  const list = (name: string) => ctr.ok("snapshots", "--snapshotter", name, "ls");
  assert.is(await list("native"), await list("overlayfs"));
  assert.is(
    (await ctr("snapshots", "unpack", `sha256:${"0".repeat(64)}`)).stderr,
    "ctr: manifest not found: not found\n",
  );
});

test("btrfs on another filesystem is refused in one line, and leaves nothing", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr } = bench;
  const { code, stderr } = await ctr("snapshots", "--snapshotter", "btrfs", "prepare", "k");
  assert.is(code, 1);
  assert.match(stderr, /^ctr: path \S+ \(\w+\) must be a btrfs filesystem [^\n]*\n$/);
  assert.not.ok(existsSync(join(ctr.root, "snapshots/btrfs")));
});

test.run();
