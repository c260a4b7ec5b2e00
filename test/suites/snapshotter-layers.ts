import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { getXattr, setXattr } from "../../src/sys/xattr.ts";
import { changeAtRandom } from "../support/random-changes.ts";
import { layer, type SnapshotBench, viewed, within } from "../support/snapshot-layers.ts";
import { listTree } from "../support/tree.ts";

type InState = (use: (bench: SnapshotBench) => Promise<void>) => () => Promise<void>;

/** What a tree keeps across layers: the cases of containerd's own suite, and those it leaves to chance. */
export function addLayerCases(test: Test, inState: InState): void {
  test(
    "twelve layers of random changes are the tree that the same changes make in one directory",
    inState(async (bench) => {
      const plain = bench.dir.join("plain");
      mkdirSync(plain);
      chmodSync(plain, 0o755);
      let parent = "";
      for (let at = 1; at <= 12; at++) {
        const name = `layer-${at}`;
        await layer(bench, name, parent, (root) => changeAtRandom(root, at, 60), { isDirect: true });
        changeAtRandom(plain, at, 60);
        const seen = await viewed(bench, name, (root) => listTree(root, { without: ["mtime"] }));
        assert.equal(seen, listTree(plain, { without: ["mtime"] }), name);
        parent = name;
      }
    }),
  );

  test(
    "every attribute of every type of file is the same three layers further up",
    inState(async (bench) => {
      const made = await layer(bench, "base", "", makeEveryType);
      for (const [name, parent] of [
        ["middle", "base"],
        ["top", "middle"],
      ] as const) {
        assert.equal(belowRoot(await layer(bench, name, parent, () => {})), belowRoot(made));
      }
      assert.equal(belowRoot(await viewed(bench, "top", (root) => listTree(root))), belowRoot(made));
    }),
  );

  test(
    "a hardlink to a file of a layer below is that file, for both names",
    inState(async (bench) => {
      await layer(bench, "base", "", (root) => writeFileSync(join(root, "one"), "1"));
      await layer(bench, "top", "base", (root) => {
        linkSync(join(root, "one"), join(root, "two"));
        writeFileSync(join(root, "one"), "both");
      });
      await viewed(bench, "top", (root) => {
        assert.is(readFileSync(join(root, "two"), "utf8"), "both");
        assert.is(statSync(join(root, "one")).ino, statSync(join(root, "two")).ino);
      });
      await viewed(bench, "base", (root) => assert.equal(readdirSync(root), ["one"]));
    }),
  );

  test(
    "owner and mode of the root are those that the layer below gave it",
    inState(async (bench) => {
      await layer(bench, "untouched", "", () => {});
      await viewed(bench, "untouched", (root) => assert.is(statSync(root).mode & 0o7777, 0o755));
      await layer(bench, "base", "", (root) => chownSync(root, 5, 6));
      await layer(bench, "top", "base", (root) => writeFileSync(join(root, "file"), ""));
      await viewed(bench, "top", (root) => {
        const { uid, gid } = statSync(root);
        assert.equal([uid, gid], [5, 6]);
      });
    }),
  );

  test(
    "siblings do not see each other, nor what a removed one of the same name had",
    inState(async (bench) => {
      const { snapshotter } = bench;
      await layer(bench, "base", "", (root) => writeFileSync(join(root, "shared"), "1"));
      const left = await snapshotter.prepare("left", "base");
      const right = await snapshotter.prepare("right", "base");
      await within(bench, left, (root) => writeFileSync(join(root, "shared"), "left"));
      await within(bench, right, (root) => rmSync(join(root, "shared")));
      await within(bench, left, (root) => assert.is(readFileSync(join(root, "shared"), "utf8"), "left"));
      await within(bench, right, (root) => assert.not.ok(existsSync(join(root, "shared"))));
      await snapshotter.remove("left");
      await within(bench, await snapshotter.prepare("left", "base"), (root) =>
        assert.is(readFileSync(join(root, "shared"), "utf8"), "1"),
      );
      await snapshotter.commit("right-name", "right");
      await snapshotter.remove("right-name");
      await viewed(bench, "base", (root) => assert.equal(readdirSync(root), ["shared"]));
    }),
  );

  test(
    "what was written apart is put above its parent, which may be apart itself, once",
    inState(async (bench) => {
      const { snapshotter } = bench;
      // Snapshots that are copies of their parents cannot be.
      if (!snapshotter.putAbove) return;
      await layer(bench, "base", "", (root) => {
        chownSync(root, 5, 6);
        for (const name of ["kept", "hidden"]) writeFileSync(join(root, name), name);
      });
      const prepareApart = async (key: string, write: (upper: string) => void) => {
        const [mount] = await snapshotter.prepare(key, "", { isApart: true });
        const option = mount!.options.find((option) => option.startsWith("upperdir="))!;
        write(option.slice("upperdir=".length));
      };
      const failure = (work: Promise<unknown>) =>
        work.then(
          () => undefined,
          (error) => error,
        );
      await prepareApart("first", (upper) => {
        writeFileSync(join(upper, "new"), "new");
        execFileSync("mknod", [join(upper, "hidden"), "c", "0", "0"]);
      });
      await prepareApart("second", (upper) => writeFileSync(join(upper, "newer"), "newer"));
      assert.ok(hasCode(await failure(snapshotter.putAbove("first", "nowhere")), "NotFound"));
      await snapshotter.putAbove("first", "base");
      const [above] = await snapshotter.putAbove("second", "first");
      assert.ok(hasCode(await failure(snapshotter.putAbove("first", "base")), "FailedPrecondition"));
      await viewed(bench, "base", (root) => assert.equal(readdirSync(root).sort(), ["hidden", "kept"]));
      await Promise.all(["first", "second"].map((key) => snapshotter.sync!(key)));
      const early = snapshotter.commit("upper", "second", { parent: "lower", isDurable: true });
      assert.ok(hasCode(await failure(early), "NotFound"));
      await snapshotter.commit("lower", "first", { parent: "base", isDurable: true });
      await snapshotter.commit("upper", "second", { parent: "lower", isDurable: true });
      assert.is((await snapshotter.stat("upper")).parent, "lower");
      await viewed(bench, "lower", (root) => assert.equal(readdirSync(root).sort(), ["kept", "new"]));
      await viewed(bench, "upper", (root) => {
        assert.equal(readdirSync(root).sort(), ["kept", "new", "newer"]);
        assert.is(statSync(root).uid, 5);
      });
      const lowers = above!.options.find((option) => option.startsWith("lowerdir="))!.split(":");
      assert.is(lowers.length, 2);
    }),
  );

  test(
    "holes stay holes",
    inState(async (bench) => {
      const { snapshotter } = bench;
      await layer(bench, "base", "", (root) => {
        execFileSync("truncate", ["-s", "1G", join(root, "sparse")]);
        execFileSync("sh", [
          "-c",
          `printf x | dd of=${join(root, "sparse")} bs=1 seek=500M conv=notrunc status=none`,
        ]);
      });
      await snapshotter.prepare("key", "base");
      assert.ok((await snapshotter.usage("base")).sizeBytes < 1 << 20);
      assert.ok((await snapshotter.usage("key")).sizeBytes < 1 << 20);
      await within(bench, await snapshotter.mounts("key"), (root) => {
        assert.is(statSync(join(root, "sparse")).size, 2 ** 30);
        const at = execFileSync("dd", [
          `if=${join(root, "sparse")}`,
          "bs=1M",
          "skip=500",
          "count=1",
          "status=none",
        ]);
        assert.is(at[0], "x".charCodeAt(0));
      });
    }),
  );
}

/** But the root: an overlay has its own each time. */
const belowRoot = (lines: readonly string[]) => lines.slice(1);

function makeEveryType(root: string): void {
  const at = (name: string) => join(root, name);
  mkdirSync(at("directory/empty"), { recursive: true });
  writeFileSync(at("directory/file"), "content");
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), "no text");
  linkSync(at("directory/file"), at("hardlink"));
  symlinkSync("directory/file", at("symlink"));
  linkSync(at("symlink"), at("symlink-again"));
  execFileSync("mknod", [at("character"), "c", "1", "3"]);
  execFileSync("mknod", [at("block"), "b", "259", "300"]);
  execFileSync("mkfifo", [at("fifo")]);
  writeFileSync(at("capable"), "");
  for (const name of ["directory", "directory/file", "character", "fifo"]) chownSync(at(name), 1234, 70000);
  chmodSync(at("directory/file"), 0o6751);
  chmodSync(at("directory"), 0o1777);
  setXattr(
    at("capable"),
    "security.capability",
    Buffer.from("0100000200200000000000000000000000000000", "hex"),
  );
  setXattr(at("directory"), "user.binary", Buffer.from([0, 255, 10]));
  setXattr(at("symlink"), "trusted.of-link", Buffer.from("x"));
  for (const name of ["directory/file", "directory", "character", "capable"])
    utimesSync(at(name), 1e9, 1234567890.123456);
  lutimesSync(at("symlink"), 1e9, -5);
  assert.equal(Buffer.from(getXattr(at("directory"), "user.binary")!), Buffer.from([0, 255, 10]));
}
