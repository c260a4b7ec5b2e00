import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountAt, mountPointsBelow, unmountAll } from "../../src/sys/mount.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

function makeLayers(dir: TempDir) {
  for (const name of ["upper", "lower", "lowest", "work", "place"]) mkdirSync(dir.join(name));
  writeFileSync(dir.join("lower/root"), "root's");
  writeFileSync(dir.join("lowest/other"), "other's");
  chownSync(dir.join("lowest/other"), 5, 6);
  return [
    ...[`upperdir=${dir.join("upper")}`, `workdir=${dir.join("work")}`],
    `lowerdir=${dir.join("lower")}:${dir.join("lowest")}`,
  ];
}

const mount = (dir: TempDir, options: string[]) =>
  mountAt({ type: "overlay", source: "overlay", options }, dir.join("place"));

test("lower layers show mapped owners, keep their own, and nothing else stays mounted", () => {
  using dir = tempDir();
  const maps = ["uidmap=0:100000:3", "uidmap=3:50000:10", "gidmap=0:200000:65536"];
  mount(dir, [...makeLayers(dir), ...maps]);
  const owner = (path: string) => [statSync(dir.join(path)).uid, statSync(dir.join(path)).gid];
  assert.equal(
    [owner("place/root"), owner("place/other")],
    [
      [100000, 200000],
      [50002, 200006],
    ],
  );
  assert.equal(
    [owner("lower/root"), owner("lowest/other")],
    [
      [0, 0],
      [5, 6],
    ],
  );
  assert.equal(mountPointsBelow(dir.path), [dir.join("place")]);
  writeFileSync(dir.join("place/other"), "changed");
  assert.equal(owner("upper/other"), [50002, 200006]);
  assert.is(readFileSync(dir.join("lowest/other"), "utf8"), "other's");
  unmountAll(dir.join("place"));
});

test("more layers than a page of their paths holds", () => {
  using dir = tempDir();
  const [upper = "", work = ""] = makeLayers(dir);
  const layers = Array.from({ length: 300 }, (_, index) => {
    mkdirSync(dir.join(`layers-${index}`));
    writeFileSync(dir.join(`layers-${index}/file-${index}`), "");
    return dir.join(`layers-${index}`);
  });
  mount(dir, [upper, work, `lowerdir=${layers.join(":")}`, "uidmap=0:100000:3", "gidmap=0:200000:3"]);
  assert.is(readdirSync(dir.join("place")).length, 300);
  assert.is(statSync(dir.join("place/file-299")).uid, 100000);
  assert.equal(mountPointsBelow(dir.path), [dir.join("place")]);
  unmountAll(dir.join("place"));
});

test("on a machine whose mounts are shared, the layers themselves stay as they are on the way", async () => {
  using dir = tempDir();
  makeLayers(dir);
  const fixture = join(import.meta.dirname, "../fixtures/sys/mapped-overlay-shared.ts");
  const script = 'mount --make-rshared / && exec "$0" "$@"';
  const { stdout, stderr } = await run([
    "unshare",
    "--mount",
    "sh",
    "-c",
    script,
    process.execPath,
    fixture,
    dir.path,
  ]);
  const place = dir.join("place");
  assert.is(stdout, `${place} ${place}\n`, stderr);
});

test("a map that the kernel refuses, and a layer that is not there, leave nothing mounted", () => {
  using dir = tempDir();
  const options = makeLayers(dir);
  assert.throws(
    () => mount(dir, [...options, "uidmap=0:1:10", "uidmap=5:1:10", "gidmap=0:1:1"]),
    /invalid argument/,
  );
  const missing = options.map((option) => option.replace(/lowest$/, "nowhere"));
  assert.throws(() => mount(dir, [...missing, "uidmap=0:1:1", "gidmap=0:1:1"]), /no such file or directory/);
  assert.equal(mountPointsBelow(dir.path), []);
});

test("a machine without user namespaces is told of in one sentence, and nothing stays mounted", () => {
  using dir = tempDir();
  const options = makeLayers(dir);
  const { PATH } = process.env;
  writeFileSync(dir.join("unshare"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  process.env.PATH = `${dir.path}:${PATH}`;
  try {
    assert.throws(
      () => mount(dir, [...options, "uidmap=0:1:1", "gidmap=0:1:1"]),
      /^the kernel makes no user namespace: failed precondition$/,
    );
  } finally {
    process.env.PATH = PATH;
  }
  assert.equal(mountPointsBelow(dir.path), []);
});

test.run();
