import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { removeTree, removeTreeAt } from "../../src/files/remove-tree.ts";
import { makeFifo } from "../../src/sys/descriptors.ts";
import { mkdirAt, mknodAt, S_IFREG } from "../../src/sys/entries.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { mountAt } from "../../src/sys/mount.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../../src/sys/open.ts";
import { unmount } from "../../src/sys/unmount.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/files");
const isMounted = (error: unknown) => hasCode(error, "FailedPrecondition");

/** Directories within each other, made from the inside of the one before: far beyond the longest path. */
function makeDeep(path: string, depth: number): void {
  mkdirSync(path);
  let fd = openAt(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  for (let level = 0; level < depth; level++) {
    mkdirAt(fd, "d", 0o700);
    mknodAt(fd, "file", S_IFREG | 0o600, 0);
    const inner = openAt(fd, "d", O_PATH | O_DIRECTORY);
    closeFd(fd);
    fd = inner;
  }
  closeFd(fd);
}

function withHostData(dir: TempDir): string {
  mkdirSync(dir.join("host"));
  writeFileSync(dir.join("host/precious"), "precious");
  return dir.join("host");
}

test("a tree of everything there is", () => {
  using dir = tempDir();
  const tree = dir.join("tree");
  mkdirSync(`${tree}/a/b/c`, { recursive: true });
  mkdirSync(`${tree}/locked`);
  writeFileSync(`${tree}/locked/file`, "");
  chmodSync(`${tree}/locked`, 0);
  writeFileSync(`${tree}/a/file`, "");
  makeFifo(`${tree}/a/fifo`, 0o600);
  mkdirAt(AT_FDCWD, Buffer.concat([Buffer.from(`${tree}/`), new Uint8Array([0xff, 0xfe])]), 0o700);
  mknodAt(AT_FDCWD, Buffer.concat([Buffer.from(`${tree}/a/`), new Uint8Array([0xff])]), S_IFREG | 0o600, 0);
  removeTree(tree);
  assert.equal(readdirSync(dir.path), []);
});

test("nothing, a file, a link: each is removed for itself", () => {
  using dir = tempDir();
  const host = withHostData(dir);
  removeTree(dir.join("none"));
  removeTree(`${dir.path}/none/deeper`);
  writeFileSync(dir.join("file"), "");
  removeTree(dir.join("file"));
  symlinkSync(host, dir.join("link"));
  removeTree(dir.join("link"));
  assert.equal(readdirSync(dir.path), ["host"]);
  assert.is(readFileSync(`${host}/precious`, "utf8"), "precious");
});

test("links inside are removed, not followed", () => {
  using dir = tempDir();
  const host = withHostData(dir);
  mkdirSync(dir.join("tree/deep"), { recursive: true });
  symlinkSync(host, dir.join("tree/absolute"));
  symlinkSync("../../host", dir.join("tree/deep/relative"));
  removeTree(dir.join("tree"));
  assert.equal(readdirSync(dir.path), ["host"]);
  assert.equal(readdirSync(host), ["precious"]);
});

test("a tree deeper than paths and open files may be", () => {
  using dir = memoryDir();
  makeDeep(dir.join("deep"), 5000);
  const before = readdirSync("/proc/self/fd").length;
  removeTree(dir.join("deep"));
  assert.equal(readdirSync(dir.path), []);
  assert.is(readdirSync("/proc/self/fd").length, before);
});

test("ten thousand files", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("wide"));
  for (let index = 0; index < 10_000; index++) {
    mknodAt(AT_FDCWD, dir.join("wide", `a-file-with-a-long-name-${index}`), S_IFREG | 0o600, 0);
  }
  removeTree(dir.join("wide"));
  assert.equal(readdirSync(dir.path), []);
});

test("something mounted inside: refused before anything is removed", () => {
  using dir = tempDir();
  const host = withHostData(dir);
  mkdirSync(dir.join("tree/a/m"), { recursive: true });
  writeFileSync(dir.join("tree/z"), "");
  mountAt({ type: "bind", source: host, options: ["bind"] }, dir.join("tree/a/m"));
  assert.throws(
    () => removeTree(dir.join("tree")),
    (error: unknown) =>
      isMounted(error) &&
      (error as Error).message.includes(dir.join("tree/a/m")) &&
      existsSync(dir.join("tree/z")),
  );
  assert.equal(readdirSync(host), ["precious"]);
  unmount(dir.join("tree/a/m"));
  removeTree(dir.join("tree"));
});

test("something mounted on the tree itself", () => {
  using dir = tempDir();
  const host = withHostData(dir);
  mkdirSync(dir.join("tree"));
  mountAt({ type: "bind", source: host, options: ["bind"] }, dir.join("tree"));
  assert.throws(() => removeTree(dir.join("tree")), isMounted);
  assert.equal(readdirSync(host), ["precious"]);
});

test("a mount that nobody announced is met and not entered: a directory's, a file's, the tree's own", () => {
  using dir = tempDir();
  const host = withHostData(dir);
  const fd = openAt(AT_FDCWD, dir.path, O_PATH | O_DIRECTORY);
  const bind = (source: string, target: string) => {
    mkdirSync(dir.join("tree/m"), { recursive: true });
    writeFileSync(dir.join("tree/f"), "");
    mountAt({ type: "bind", source, options: ["bind"] }, target);
    assert.throws(() => removeTreeAt(fd, "tree"), isMounted);
    unmount(target);
  };
  bind(host, dir.join("tree/m"));
  bind(`${host}/precious`, dir.join("tree/f"));
  bind(host, dir.join("tree"));
  removeTreeAt(fd, "tree");
  closeFd(fd);
  assert.equal(readdirSync(dir.path), ["host"]);
  assert.is(readFileSync(`${host}/precious`, "utf8"), "precious");
});

test("without openat2 the same: removed wholly, and not across a mount", async () => {
  using dir = memoryDir();
  const host = withHostData(dir);
  const fixture = [process.execPath, `${FIXTURES}/without-openat2.ts`, "remove-tree"];
  makeDeep(dir.join("deep"), 500);
  assert.is((await run([...fixture, "removeTree", dir.join("deep")])).stdout, "done\n");
  assert.not(existsSync(dir.join("deep")));
  mkdirSync(dir.join("tree/m"), { recursive: true });
  mountAt({ type: "bind", source: host, options: ["bind"] }, dir.join("tree/m"));
  const { stdout } = await run([...fixture, "removeTreeAt", `fd:${dir.path}`, "tree"]);
  assert.match(stdout, /^FailedPrecondition .*mounted/);
  assert.equal(readdirSync(host), ["precious"]);
});

test("several remove the same tree at once", async () => {
  using dir = memoryDir();
  mkdirSync(dir.join("tree"));
  for (let index = 0; index < 40; index++) {
    const inner = dir.join("tree", String(index), "x");
    mkdirSync(inner);
    for (let file = 0; file < 40; file++) mknodAt(AT_FDCWD, `${inner}/${file}`, S_IFREG | 0o600, 0);
  }
  const fixture = join(FIXTURES, "remove.ts");
  const children = Array.from({ length: 4 }, () => run([process.execPath, fixture, dir.join("tree")]));
  for (const { code, stderr } of await Promise.all(children)) assert.is(code, 0, stderr);
  assert.equal(readdirSync(dir.path), []);
});

test("while another process swaps directories for links to the host's data, those stay", async () => {
  using dir = memoryDir();
  const host = withHostData(dir);
  mkdirSync(`${host}/inner`);
  writeFileSync(`${host}/inner/precious`, "");
  const swapper = Bun.spawn([process.execPath, `${FIXTURES}/swap.ts`, dir.join("tree"), host], {
    stdout: "pipe",
  });
  try {
    await swapper.stdout.getReader().read();
    for (let round = 0; round < 300; round++) {
      try {
        removeTree(dir.join("tree"));
      } catch (error) {
        // The swapper fills it as fast as we empty it.
        if (!hasErrno(error, "ENOTEMPTY") && !hasCode(error, "Unavailable")) throw error;
      }
    }
  } finally {
    swapper.kill("SIGKILL");
    await swapper.exited;
  }
  assert.equal(readdirSync(host).sort(), ["inner", "precious"]);
  assert.equal(readdirSync(`${host}/inner`), ["precious"]);
});

test("a directory that is moved away in the midst does not lead the removal to where it went", async () => {
  using dir = memoryDir();
  const host = dir.join("host");
  mkdirSync(host);
  writeFileSync(`${host}/file`, "precious");
  // Deep enough that the way back up must be found by `..`, with so much at the bottom that there is time to move.
  makeDeep(dir.join("tree"), 300);
  const moved = `${dir.join("tree")}${"/d".repeat(100)}`;
  const bottom = `${dir.join("tree")}${"/d".repeat(300)}`;
  for (let index = 0; index < 30_000; index++) mknodAt(AT_FDCWD, `${bottom}/${index}`, S_IFREG | 0o600, 0);
  const fixture = join(FIXTURES, "move-when-gone.ts");
  const mover = Bun.spawn([process.execPath, fixture, `${bottom}/0`, moved, `${host}/d`], { stdout: "pipe" });
  await mover.stdout.getReader().read();
  removeTree(dir.join("tree"));
  assert.is(await mover.exited, 0);
  assert.not(existsSync(dir.join("tree")));
  assert.equal(readdirSync(host).sort(), ["d", "file"]);
});

test("what resists is named with its whole path, and how to go on", async () => {
  using dir = tempDir();
  mkdirSync(dir.join("tree/a/b"), { recursive: true });
  writeFileSync(dir.join("tree/a/b/kept"), "");
  chmodSync(dir.path, 0o777);
  for (const path of ["tree", "tree/a"]) chmodSync(dir.join(path), 0o777);
  const files = join(import.meta.dirname, "../../src/files");
  const program = `
    const { removeTreeAt } = await import("${files}/remove-tree.ts");
    const { openRoot } = await import("${files}/resolve-below.ts");
    const fd = openRoot("${dir.path}");
    process.seteuid(65534);
    try {
      removeTreeAt(fd, "tree", "${dir.join("tree")}");
    } catch (error) {
      console.log([error.errno, error.path, error.code, error.hint].join());
    }
  `;
  const { stdout } = await run([process.execPath, "-e", program]);
  assert.match(stdout, `EACCES,${dir.join("tree/a/b/kept")},PermissionDenied,run it as root`);
});

test("the root directory is refused", () => {
  assert.throws(
    () => removeTree("/tmp/.."),
    (error: unknown) => hasCode(error, "InvalidArgument"),
  );
});

test.run();
