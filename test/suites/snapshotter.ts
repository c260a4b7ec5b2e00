import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ErrorCode, hasCode } from "../../src/core/errors.ts";
import { labelNames } from "../../src/core/labels.ts";
import type { Snapshotter } from "../../src/core/snapshotter.ts";
import { mkdirAt } from "../../src/sys/entries.ts";
import { AT_FDCWD, closeFd, O_CREAT, O_DIRECTORY, O_PATH, O_WRONLY, openAt } from "../../src/sys/open.ts";
import { getXattr, setXattr } from "../../src/sys/xattr.ts";
import { diskDir } from "../support/disk-dir.ts";
import { layer, type SnapshotBench, viewed, within } from "../support/snapshot-layers.ts";
import { listTree } from "../support/tree.ts";
import { addChangeCases } from "./snapshotter-changes.ts";
import { addLayerCases } from "./snapshotter-layers.ts";

/** One namespace's snapshotter below a state directory. */
export type OpenSnapshotter = (root: string, namespace: string) => Promise<Snapshotter & AsyncDisposable>;

/** What every snapshotter promises (`src/core/snapshotter.ts`), each case on a filesystem of that type. */
export function snapshotterSuite(
  name: string,
  open: OpenSnapshotter,
  filesystem: "btrfs" | "ext4" = "ext4",
): void {
  const test = suite(name);

  const inState = (use: (bench: SnapshotBench) => Promise<void>) => async () => {
    using dir = diskDir(filesystem);
    await using snapshotter = await open(dir.join("state"), "one");
    await use({ dir, root: dir.join("state"), snapshotter });
  };

  test(
    "an active snapshot is written through its mounts and read again once committed",
    inState(async (bench) => {
      const { snapshotter } = bench;
      await layer(bench, "base", "", (root) => writeFileSync(join(root, "a"), "one"));
      assert.equal(pick(await snapshotter.stat("base")), ["base", "", "Committed"]);
      await snapshotter.prepare("work", "base");
      assert.equal(pick(await snapshotter.stat("work")), ["work", "base", "Active"]);
      await within(bench, await snapshotter.mounts("work"), (root) => {
        assert.is(readFileSync(join(root, "a"), "utf8"), "one");
        writeFileSync(join(root, "a"), "two");
      });
      await snapshotter.commit("top", "work");
      assert.is(await refusal(() => snapshotter.stat("work")), "NotFound");
      await viewed(bench, "top", (root) => assert.is(readFileSync(join(root, "a"), "utf8"), "two"));
      await viewed(bench, "base", (root) => assert.is(readFileSync(join(root, "a"), "utf8"), "one"));
    }),
  );

  test(
    "a view shows and cannot be changed",
    inState(async (bench) => {
      await layer(bench, "base", "", (root) => writeFileSync(join(root, "a"), "one"));
      await layer(bench, "top", "base", (root) => writeFileSync(join(root, "b"), "two"));
      for (const parent of ["", "base", "top"]) {
        await viewed(bench, parent, (root) =>
          assert.throws(() => writeFileSync(join(root, "x"), ""), /EROFS|read-only/i),
        );
      }
      await bench.snapshotter.view("looking", "top");
      assert.is(await refusal(() => bench.snapshotter.commit("name", "looking")), "FailedPrecondition");
    }),
  );

  test(
    "every kind of change is seen above and leaves what is below alone",
    inState(async (bench) => {
      await layer(bench, "base", "", makeBase);
      const before = await viewed(bench, "base", (root) => listTree(root));
      const changed = await layer(bench, "top", "base", changeBase);
      assert.equal(await viewed(bench, "top", (root) => listTree(root)), changed);
      assert.equal(await viewed(bench, "base", (root) => listTree(root)), before);
      await viewed(bench, "top", (root) => {
        assert.equal(readdirSync(root).sort(), [
          "deep",
          "devices",
          "emptied",
          "hard-1",
          "hard-2",
          "mode",
          "renamed",
          "swapped",
          "was-file",
        ]);
        assert.is(statSync(join(root, "mode")).mode & 0o7777, 0o4711);
        assert.equal(Buffer.from(getXattr(join(root, "mode"), "user.note")!), Buffer.from("\0\xff"));
        assert.is(statSync(join(root, "hard-1")).ino, statSync(join(root, "hard-2")).ino);
        assert.is(readFileSync(join(root, "hard-1"), "utf8"), "written through hard-2");
        assert.equal(readdirSync(join(root, "emptied")), ["only"]);
      });
    }),
  );

  test(
    "150 layers are one tree",
    inState(async (bench) => {
      let parent = "";
      for (let at = 0; at < 150; at++) {
        const name = `layer-${at}`;
        await layer(
          bench,
          name,
          parent,
          (root) => {
            writeFileSync(join(root, `file-${at}`), `${at}`);
            writeFileSync(join(root, "last"), `${at}`);
          },
          { isDirect: true },
        );
        parent = name;
      }
      await viewed(bench, parent, (root) => {
        assert.is(readdirSync(root).length, 151);
        assert.is(readFileSync(join(root, "last"), "utf8"), "149");
        assert.is(readFileSync(join(root, "file-0"), "utf8"), "0");
      });
    }),
  );

  test(
    "a name taken is refused, and nothing changes",
    inState(async (bench) => {
      const { snapshotter } = bench;
      await layer(bench, "base", "", () => {});
      await snapshotter.prepare("key", "base");
      for (const taken of ["key", "base"]) {
        assert.is(await refusal(() => snapshotter.prepare(taken, "base")), "AlreadyExists");
        assert.is(await refusal(() => snapshotter.view(taken, "base")), "AlreadyExists");
        assert.is(await refusal(() => snapshotter.commit(taken, "key")), "AlreadyExists");
      }
      assert.equal(pick(await snapshotter.stat("key")), ["key", "base", "Active"]);
      assert.equal(await names(snapshotter), ["base", "key"]);
      await snapshotter.commit("free", "key");
    }),
  );

  test(
    "parents are committed snapshots that exist",
    inState(async ({ snapshotter }) => {
      await snapshotter.prepare("active", "");
      for (const make of ["prepare", "view"] as const) {
        assert.is(await refusal(() => snapshotter[make]("new", "active")), "FailedPrecondition");
        assert.is(await refusal(() => snapshotter[make]("new", "nowhere")), "NotFound");
      }
      assert.is(await refusal(() => snapshotter.commit("new", "nowhere")), "NotFound");
      assert.equal(await names(snapshotter), ["active"]);
    }),
  );

  test(
    "mounts are those of active snapshots and views only",
    inState(async (bench) => {
      await layer(bench, "base", "", () => {});
      assert.is(await refusal(() => bench.snapshotter.mounts("base")), "FailedPrecondition");
      assert.is(await refusal(() => bench.snapshotter.mounts("nowhere")), "NotFound");
      const given = await bench.snapshotter.prepare("key", "base");
      assert.equal(await bench.snapshotter.mounts("key"), given);
    }),
  );

  test(
    "what has children stays; children go first, and their bytes with them",
    inState(async (bench) => {
      const { snapshotter, root } = bench;
      const empty = bytesOnDisk(root);
      await layer(bench, "base", "", (place) => writeFileSync(join(place, "big"), Buffer.alloc(1 << 20)));
      await layer(bench, "middle", "base", makeDeepTree, { isDirect: true });
      await snapshotter.prepare("active", "middle");
      await snapshotter.view("view", "base");
      for (const parent of ["base", "middle"]) {
        assert.is(await refusal(() => snapshotter.remove(parent)), "FailedPrecondition");
      }
      for (const key of ["active", "middle", "view", "base"]) await snapshotter.remove(key);
      assert.is(await refusal(() => snapshotter.remove("base")), "NotFound");
      assert.equal(await names(snapshotter), []);
      assert.is(bytesOnDisk(root), empty);
    }),
  );

  test(
    "usage counts what this snapshot changed, each file once",
    inState(async (bench) => {
      const { snapshotter } = bench;
      await layer(bench, "base", "", (root) => writeFileSync(join(root, "big"), Buffer.alloc(8 << 20)));
      await snapshotter.prepare("key", "base");
      const before = await snapshotter.usage("key");
      await within(bench, await snapshotter.mounts("key"), (root) => {
        writeFileSync(join(root, "one"), Buffer.alloc(1 << 20, "x"));
        linkSync(join(root, "one"), join(root, "two"));
      });
      const after = await snapshotter.usage("key");
      assert.is(after.inodes - before.inodes, 1);
      const grownBytes = after.sizeBytes - before.sizeBytes;
      assert.ok(grownBytes >= 1 << 20 && grownBytes < 2 << 20, `${grownBytes}`);
      await snapshotter.commit("top", "key");
      assert.equal(await snapshotter.usage("top"), after);
      assert.ok((await snapshotter.usage("base")).sizeBytes >= 8 << 20);
      assert.is(await refusal(() => snapshotter.usage("nowhere")), "NotFound");
    }),
  );

  test(
    "labels are given, merged and taken away",
    inState(async ({ snapshotter }) => {
      await snapshotter.prepare("key", "", { labels: { a: "1", b: "2" } });
      assert.equal((await snapshotter.label("key", { b: "", c: "3" })).labels, { a: "1", c: "3" });
      assert.equal((await snapshotter.stat("key")).labels, { a: "1", c: "3" });
      await snapshotter.commit("name", "key", { labels: { d: "4" } });
      assert.equal((await snapshotter.stat("name")).labels, { d: "4" });
      assert.is(await refusal(() => snapshotter.label("nowhere", {})), "NotFound");
    }),
  );

  test(
    "bytes set aside are the caller's to remove: their name is free, and nothing of them in a new snapshot",
    inState(async ({ snapshotter, root, dir }) => {
      if (!snapshotter.setAside) return;
      const empty = bytesOnDisk(root);
      const write = (place: string) => writeFileSync(join(place, "big"), Buffer.alloc(1 << 20));
      await within({ dir }, await snapshotter.prepare("key", ""), write);
      const path = await snapshotter.setAside("key");
      assert.is(await refusal(() => snapshotter.stat("key")), "NotFound");
      assert.is(statSync(join(path!, "fs/big")).size, 1 << 20);
      await within({ dir }, await snapshotter.prepare("key", ""), (place) =>
        assert.equal(readdirSync(place), []),
      );
      await snapshotter.remove("key");
      rmSync(path!, { recursive: true });
      assert.is(bytesOnDisk(root), empty);
    }),
  );

  test(
    "a walk shows all in order of their keys, or what a filter lets through",
    inState(async ({ snapshotter }) => {
      for (const key of ["b", "c", "a"]) await snapshotter.prepare(key, "", { labels: { key } });
      assert.equal(await names(snapshotter), ["a", "b", "c"]);
      assert.equal(await names(snapshotter, ["labels.key==b", "name==c"]), ["b", "c"]);
    }),
  );

  test("namespaces share the bytes of a chain, and nothing else", async () => {
    using dir = diskDir(filesystem);
    const root = dir.join("state");
    await using one = await open(root, "one");
    await using two = await open(root, "two");
    const chain = `sha256:${"c".repeat(64)}`;
    const labels = { [labelNames.snapshotRef]: chain };
    const write = (place: string) => writeFileSync(join(place, "big"), Buffer.alloc(1 << 20, "x"));
    await within({ dir }, await one.prepare("extract", "", { labels }), write);
    assert.is(await refusal(() => two.stat(chain)), "NotFound");
    await one.commit(chain, "extract");
    assert.is(await refusal(() => two.prepare("extract", "", { labels })), "AlreadyExists");
    assert.equal(pick(await two.stat(chain)), [chain, "", "Committed"]);
    assert.equal(await names(two), [chain]);
    assert.equal(await two.usage(chain), await one.usage(chain));
    await one.remove(chain);
    await viewed({ dir, root, snapshotter: two }, chain, (place) =>
      assert.is(statSync(join(place, "big")).size, 1 << 20),
    );
    assert.ok(bytesOnDisk(root) >= 1 << 20);
    await two.remove(chain);
    assert.ok(bytesOnDisk(root) < 1 << 20);
    await two.prepare("extract", "", { labels });
  });

  test("the layers' directories are closed to other users, whatever the umask", async () => {
    using dir = diskDir(filesystem);
    const umask = process.umask(0);
    try {
      const root = dir.join("state");
      await using snapshotter = await open(root, "one");
      await snapshotter.prepare("key", "");
      const [id = ""] = readdirSync(join(root, "snapshots", name));
      for (const path of [dir.path, root, join(root, "snapshots")]) chmodSync(path, 0o755);
      const paths = [join(root, "snapshots", name), join(root, "snapshots", name, id)];
      // Of what another program keeps there is a file alone.
      for (const path of paths.filter((path) => statSync(path).isDirectory())) {
        const asNobody = ["--reuid=65534", "--clear-groups", "ls", path];
        assert.throws(() => execFileSync("setpriv", asNobody, { stdio: "pipe" }), /Permission denied/);
        chmodSync(path, 0o755);
      }
    } finally {
      process.umask(umask);
    }
  });

  addLayerCases(test, inState);
  addChangeCases(test, inState);
  test.run();
}

async function refusal(call: () => Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (!hasCode(error, "AlreadyExists", "NotFound", "FailedPrecondition")) throw error;
    return error.code;
  }
}

async function names(snapshotter: Snapshotter, filters?: readonly string[]): Promise<string[]> {
  return (await Array.fromAsync(snapshotter.walk(filters))).map(({ key }) => key);
}

function pick({ key, parent, kind }: { key: string; parent: string; kind: string }): string[] {
  return [key, parent, kind];
}

/** Of snapshots alone, in whole blocks of files: directories may keep a grown size. */
function bytesOnDisk(root: string): number {
  const snapshots = join(root, "snapshots");
  if (!existsSync(snapshots)) return 0;
  const files = execFileSync("find", [snapshots, "-type", "f", "-printf", "%s\n"], { encoding: "utf8" });
  return files.split("\n").reduce((sum, line) => sum + Number(line), 0);
}

function makeBase(root: string): void {
  for (const name of [
    "removed",
    "renamed-from",
    "mode",
    "hard-1",
    "was-directory/inner",
    "emptied/one",
    "deep/a/b/c",
    "swapped-from/x",
  ]) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), name);
  }
  linkSync(join(root, "hard-1"), join(root, "hard-2"));
  writeFileSync(join(root, "was-file"), "file");
  execFileSync("mknod", [join(root, "devices"), "c", "1", "3"]);
}

function changeBase(root: string): void {
  rmSync(join(root, "removed"));
  renameSync(join(root, "renamed-from"), join(root, "renamed"));
  chownSync(join(root, "mode"), 7, 8);
  chmodSync(join(root, "mode"), 0o4711);
  setXattr(join(root, "mode"), "user.note", Buffer.from("\0\xff"));
  writeFileSync(join(root, "hard-2"), "written through hard-2");
  rmSync(join(root, "hard-1"));
  linkSync(join(root, "hard-2"), join(root, "hard-1"));
  rmSync(join(root, "was-directory"), { recursive: true });
  rmSync(join(root, "was-file"));
  mkdirSync(join(root, "was-file"));
  rmSync(join(root, "emptied"), { recursive: true });
  mkdirSync(join(root, "emptied"));
  writeFileSync(join(root, "emptied/only"), "");
  writeFileSync(join(root, "deep/a/b/c"), "changed");
  rmSync(join(root, "swapped-from"), { recursive: true });
  symlinkSync("deep", join(root, "swapped"));
}

/** Deeper than any path can say. */
function makeDeepTree(root: string): void {
  let fd = openAt(AT_FDCWD, root, O_PATH | O_DIRECTORY);
  for (let level = 0; level < 600; level++) {
    mkdirAt(fd, "deeper-deeper", 0o755);
    const below = openAt(fd, "deeper-deeper", O_PATH | O_DIRECTORY);
    closeFd(fd);
    fd = below;
  }
  closeFd(openAt(fd, "bottom", O_CREAT | O_WRONLY, 0o644));
  closeFd(fd);
}
