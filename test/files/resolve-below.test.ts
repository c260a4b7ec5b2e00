import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { openBelow, openRoot, readFileBelow, resolveBelow } from "../../src/files/resolve-below.ts";
import { openByWalking } from "../../src/files/walk-below.ts";
import { makeFifo } from "../../src/sys/descriptors.ts";
import { deviceNumber, mkdirAt, mknodAt, S_IFCHR, symlinkAt } from "../../src/sys/entries.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import type { Name } from "../../src/sys/libc.ts";
import { mountAt } from "../../src/sys/mount.ts";
import {
  closeFd,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  openAt,
} from "../../src/sys/open.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/files");
const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);

interface Root extends Disposable {
  dir: TempDir;
  fd: number;
}

/** A root with an `etc/passwd` that says `inside`, in a directory whose own `etc/passwd` says `outside`. */
function makeRoot(): Root {
  const dir = tempDir();
  mkdirSync(dir.join("root/etc"), { recursive: true });
  mkdirSync(dir.join("etc"));
  writeFileSync(dir.join("root/etc/passwd"), "inside");
  writeFileSync(dir.join("etc/passwd"), "outside");
  const fd = openRoot(dir.join("root"));
  return {
    dir,
    fd,
    [Symbol.dispose]() {
      closeFd(fd);
      dir[Symbol.dispose]();
    },
  };
}

function readAndClose(fd: number): string {
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeFd(fd);
  }
}

/** A root in which another process exchanges `swap` for a link to `outside` and back, as fast as it can. */
async function startSwapping() {
  const dir = memoryDir();
  mkdirSync(dir.join("outside/inner"), { recursive: true });
  writeFileSync(dir.join("outside/inner/precious"), "canary");
  mkdirSync(dir.join("root"));
  const swapper = Bun.spawn(
    [process.execPath, `${FIXTURES}/swap.ts`, dir.join("root"), dir.join("outside")],
    {
      stdout: "pipe",
    },
  );
  await swapper.stdout.getReader().read();
  const fd = openRoot(dir.join("root"));
  return {
    dir,
    fd,
    /** Tries until it has succeeded and failed a hundred times each, and returns what the successes gave. */
    race<Result>(attempt: (round: number) => Result): Result[] {
      const results: Result[] = [];
      const deadline = performance.now() + 30_000;
      for (let round = 0, failures = 0; results.length < 100 || failures < 100; round++) {
        if (performance.now() > deadline)
          throw new Error(`${results.length} successes, ${failures} failures`);
        try {
          results.push(attempt(round));
        } catch (error) {
          if (!hasErrno(error, "ENOENT", "ENOTDIR")) throw error;
          failures++;
        }
      }
      return results;
    },
    async [Symbol.asyncDispose]() {
      swapper.kill("SIGKILL");
      await swapper.exited;
      closeFd(fd);
      dir[Symbol.dispose]();
    },
  };
}

const OPENERS = { "by openat2": openBelow, "by walking": openByWalking };

for (const [way, open] of Object.entries(OPENERS)) {
  const resolution = suite(`resolution ${way}`);

  resolution("nothing leads out of the root", () => {
    using root = makeRoot();
    const { dir, fd } = root;
    mkdirSync(dir.join("root/a/b"), { recursive: true });
    symlinkSync("/etc/passwd", dir.join("root/absolute"));
    symlinkSync("../../../../etc/passwd", dir.join("root/a/b/relative"));
    symlinkSync("/", dir.join("root/a/slash"));
    symlinkSync("a/slash/a/../../../..", dir.join("root/up"));
    symlinkSync("absolute", dir.join("root/twice"));
    const paths = [
      "etc/passwd",
      "/etc/passwd",
      "//etc/./passwd",
      "../etc/passwd",
      "a/../../etc/passwd",
      "absolute",
      "a/b/relative",
      "a/slash/etc/passwd",
      "up/etc/passwd",
      "twice",
      "a/slash/../../../absolute",
    ];
    for (const path of paths) {
      assert.is(readAndClose(open(fd, path, O_RDONLY)), "inside", path);
      assert.is(readAndClose(open(fd, Buffer.from(path), O_RDONLY)), "inside", path);
    }
  });

  resolution("the root itself, however it is called", () => {
    using root = makeRoot();
    for (const path of ["", ".", "/", "..", "/../..", "etc/.."]) {
      const fd = open(root.fd, path, O_PATH | O_DIRECTORY);
      assert.is(readlinkSync(`/proc/self/fd/${fd}`), root.dir.join("root"), path);
      closeFd(fd);
    }
  });

  resolution("failures are those of open(2)", () => {
    using root = makeRoot();
    const { dir, fd } = root;
    symlinkSync("loop", dir.join("root/loop"));
    symlinkSync("/outside", dir.join("root/dangling"));
    mkdirSync(dir.join("outside"));
    const cases: [string, number, Errno][] = [
      ["none", O_RDONLY, "ENOENT"],
      ["dangling", O_RDONLY, "ENOENT"],
      ["none/../etc/passwd", O_RDONLY, "ENOENT"],
      ["etc/passwd/x", O_RDONLY, "ENOTDIR"],
      ["etc/passwd/", O_RDONLY, "ENOTDIR"],
      ["etc/passwd/..", O_RDONLY, "ENOTDIR"],
      ["etc/passwd", O_PATH | O_DIRECTORY, "ENOTDIR"],
      ["loop", O_RDONLY, "ELOOP"],
      ["dangling", O_RDONLY | O_NOFOLLOW, "ELOOP"],
      ["etc", O_WRONLY, "EISDIR"],
    ];
    for (const [path, flags, errno] of cases) {
      assert.throws(() => closeFd(open(fd, path, flags)), fails(errno), `${path} ${errno}`);
    }
  });

  resolution("a link is opened itself when asked, but not with a slash behind it", () => {
    using root = makeRoot();
    const { dir, fd } = root;
    symlinkSync("etc", dir.join("root/link"));
    const link = open(fd, "link", O_PATH | O_NOFOLLOW);
    assert.is(readlinkSync(`/proc/self/fd/${link}`), dir.join("root/link"));
    closeFd(link);
    const directory = open(fd, "link/", O_PATH | O_NOFOLLOW);
    assert.is(readlinkSync(`/proc/self/fd/${directory}`), dir.join("root/etc"));
    closeFd(directory);
  });

  resolution("names are bytes", () => {
    using root = makeRoot();
    const bytes = new Uint8Array([0xff, 0xfe]);
    mkdirAt(root.fd, bytes, 0o755);
    symlinkAt(Buffer.concat([Buffer.from("/"), bytes, Buffer.from("/../etc/passwd")]), root.fd, "link");
    assert.is(readAndClose(open(root.fd, "link", O_RDONLY)), "inside");
  });

  resolution("forty links in a row are followed, more are not", () => {
    using root = makeRoot();
    const { dir, fd } = root;
    symlinkSync("etc/passwd", dir.join("root/1"));
    for (let link = 2; link <= 41; link++) symlinkSync(String(link - 1), dir.join("root", String(link)));
    assert.is(readAndClose(open(fd, "40", O_RDONLY)), "inside");
    assert.throws(() => open(fd, "41", O_RDONLY), fails("ELOOP"));
  });

  resolution("no descriptor is left open, whatever happens", () => {
    using root = makeRoot();
    symlinkSync("/etc/passwd", root.dir.join("root/etc/link"));
    const before = readdirSync("/proc/self/fd").length;
    for (const path of ["etc/link", "etc/passwd/x", "etc/none", "etc/../etc/link"]) {
      try {
        closeFd(open(root.fd, path, O_RDONLY));
      } catch {}
    }
    assert.is(readdirSync("/proc/self/fd").length, before);
  });

  resolution("while directories are exchanged for links, nothing outside is read", async () => {
    await using swapped = await startSwapping();
    const read = swapped.race(() => readAndClose(open(swapped.fd, "swap/inner/precious", O_RDONLY)));
    assert.equal([...new Set(read)], ["bait"]);
  });

  resolution.run();
}

const places = suite("places");

places("what is made lands below the root, and a link in its place is not followed", () => {
  using root = makeRoot();
  const { dir, fd } = root;
  symlinkSync("/etc", dir.join("root/alias"));
  symlinkSync("/etc/passwd", dir.join("root/etc/trap"));
  const make = (path: Name) => {
    const { directoryFd, name } = resolveBelow(fd, path);
    try {
      closeFd(openAt(directoryFd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_TRUNC, 0o600));
    } finally {
      closeFd(directoryFd);
    }
  };
  make("alias/one");
  make("/../alias/../etc/two/");
  make(Buffer.from("alias/three"));
  assert.equal(readdirSync(dir.join("root/etc")).sort(), ["one", "passwd", "three", "trap", "two"]);
  assert.throws(() => make("etc/trap"), fails("ELOOP"));
  assert.equal(readdirSync(dir.join("etc")), ["passwd"]);
  assert.is(readFileSync(dir.join("etc/passwd"), "utf8"), "outside");
});

places("a path that ends in no name is refused", () => {
  using root = makeRoot();
  for (const path of ["", "/", ".", "..", "etc/..", "etc/.", "//", "../"]) {
    assert.throws(
      () => resolveBelow(root.fd, path),
      (error: unknown) => hasCode(error, "InvalidArgument"),
      path,
    );
  }
  assert.throws(() => resolveBelow(root.fd, "none/x"), fails("ENOENT"));
});

places("while directories are exchanged for links, nothing outside is written", async () => {
  await using swapped = await startSwapping();
  swapped.race((round) => {
    const { directoryFd, name } = resolveBelow(swapped.fd, `swap/inner/${round % 2 ? "precious" : "new"}`);
    try {
      const fd = openAt(directoryFd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
      writeFileSync(fd, "written");
      closeFd(fd);
    } finally {
      closeFd(directoryFd);
    }
  });
  assert.equal(readdirSync(swapped.dir.join("outside/inner")), ["precious"]);
  assert.is(readFileSync(swapped.dir.join("outside/inner/precious"), "utf8"), "canary");
});

places.run();

const reading = suite("reading below a root");
const LIMIT = { sizeBytesMax: 100 };

reading("a regular file, through links that stay inside", () => {
  using root = makeRoot();
  symlinkSync("/etc/passwd", root.dir.join("root/link"));
  assert.is(Buffer.from(readFileBelow(root.fd, "link", LIMIT)).toString(), "inside");
  writeFileSync(root.dir.join("root/empty"), "");
  assert.is(readFileBelow(root.fd, "empty", LIMIT).length, 0);
});

reading("up to the limit and not a byte more", () => {
  using root = makeRoot();
  writeFileSync(root.dir.join("root/exact"), "x".repeat(100));
  writeFileSync(root.dir.join("root/more"), "x".repeat(101));
  assert.is(readFileBelow(root.fd, "exact", LIMIT).length, 100);
  assert.throws(
    () => readFileBelow(root.fd, "more", LIMIT),
    (error: unknown) => hasCode(error, "ResourceExhausted"),
  );
});

reading("CVE-2026-47262: a file of a terabyte is refused, not loaded", () => {
  using root = makeRoot();
  Bun.spawnSync(["truncate", "-s", "1T", root.dir.join("root/huge")]);
  assert.is(lstatSync(root.dir.join("root/huge")).size, 2 ** 40);
  assert.throws(
    () => readFileBelow(root.fd, "huge", { sizeBytesMax: 1 << 20 }),
    (error: unknown) => hasCode(error, "ResourceExhausted"),
  );
});

reading(
  "CVE-2024-9676: a link to a FIFO does not hang us, a device is not opened, a directory is none",
  () => {
    using root = makeRoot();
    makeFifo(root.dir.join("root/fifo"), 0o644);
    mknodAt(root.fd, "zero", S_IFCHR | 0o644, deviceNumber(1, 5));
    // No driver has this number: opening it would fail with ENXIO.
    mknodAt(root.fd, "no-driver", S_IFCHR | 0o644, deviceNumber(250, 12345));
    symlinkSync("/fifo", root.dir.join("root/link-to-fifo"));
    for (const path of ["fifo", "link-to-fifo", "zero", "no-driver", "etc"]) {
      assert.throws(
        () => readFileBelow(root.fd, path, LIMIT),
        (error: unknown) => hasCode(error, "FailedPrecondition") && !hasErrno(error, "ENXIO"),
        path,
      );
    }
  },
);

reading("a file that claims no size, as in /proc, is read wholly, and not beyond the limit", () => {
  using root = makeRoot();
  mkdirSync(root.dir.join("root/proc"));
  mountAt({ type: "proc", source: "proc", options: [] }, root.dir.join("root/proc"));
  const text = Buffer.from(readFileBelow(root.fd, "proc/version", { sizeBytesMax: 10_000 })).toString();
  assert.match(text, /^Linux version .*\n$/);
  assert.throws(
    () => readFileBelow(root.fd, "proc/version", { sizeBytesMax: 10 }),
    (error: unknown) => hasCode(error, "ResourceExhausted"),
  );
  assert.throws(() => openBelow(root.fd, `proc/${process.pid}/root/etc`, O_PATH), fails("ELOOP"));
});

reading("without openat2 the same", async () => {
  using root = makeRoot();
  symlinkSync("../../../../../etc/passwd", root.dir.join("root/link"));
  const fixture = [process.execPath, `${FIXTURES}/without-openat2.ts`, "resolve-below"];
  const opened = await run([...fixture, "resolveBelow", `fd:${root.dir.join("root")}`, "link/x"]);
  assert.match(opened.stdout, /^FailedPrecondition .*not a directory/);
  const { stdout } = await run([...fixture, "openBelow", `fd:${root.dir.join("root")}`, "../link"]);
  assert.match(stdout, /^\d+\n$/);
  assert.ok(existsSync(root.dir.join("root/link")));
});

reading.run();
