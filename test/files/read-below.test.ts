import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { openBelow, readFileBelow } from "../../src/files/resolve-below.ts";
import { makeFifo } from "../../src/sys/descriptors.ts";
import { deviceNumber, mknodAt, S_IFCHR } from "../../src/sys/entries.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { mountAt } from "../../src/sys/mount.ts";
import { O_PATH } from "../../src/sys/open.ts";
import { run } from "../support/run-program.ts";
import { untrustedRoot } from "../support/untrusted-root.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/files");
const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);
const LIMIT = { sizeBytesMax: 100 };

test("a regular file, through links that stay inside", () => {
  using root = untrustedRoot();
  symlinkSync("/etc/passwd", root.dir.join("root/link"));
  assert.is(Buffer.from(readFileBelow(root.fd, "link", LIMIT)).toString(), "inside");
  writeFileSync(root.dir.join("root/empty"), "");
  assert.is(readFileBelow(root.fd, "empty", LIMIT).length, 0);
});

test("up to the limit and not a byte more", () => {
  using root = untrustedRoot();
  writeFileSync(root.dir.join("root/exact"), "x".repeat(100));
  writeFileSync(root.dir.join("root/more"), "x".repeat(101));
  assert.is(readFileBelow(root.fd, "exact", LIMIT).length, 100);
  assert.throws(
    () => readFileBelow(root.fd, "more", LIMIT),
    (error: unknown) => hasCode(error, "ResourceExhausted"),
  );
});

test("CVE-2026-47262: a file of a terabyte is refused, not loaded", () => {
  using root = untrustedRoot();
  Bun.spawnSync(["truncate", "-s", "1T", root.dir.join("root/huge")]);
  assert.is(lstatSync(root.dir.join("root/huge")).size, 2 ** 40);
  assert.throws(
    () => readFileBelow(root.fd, "huge", { sizeBytesMax: 1 << 20 }),
    (error: unknown) => hasCode(error, "ResourceExhausted"),
  );
});

test("CVE-2024-9676: a link to a FIFO does not hang us, a device is not opened, a directory is none", () => {
  using root = untrustedRoot();
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
});

test("a file that claims no size, as in /proc, is read wholly, and not beyond the limit", () => {
  using root = untrustedRoot();
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

test("without openat2 the same", async () => {
  using root = untrustedRoot();
  symlinkSync("../../../../../etc/passwd", root.dir.join("root/link"));
  const fixture = [process.execPath, `${FIXTURES}/without-openat2.ts`, "resolve-below"];
  const opened = await run([...fixture, "openBelow", `fd:${root.dir.join("root")}`, "link/x"]);
  assert.match(opened.stdout, /^FailedPrecondition .*not a directory/);
  const { stdout } = await run([...fixture, "openBelow", `fd:${root.dir.join("root")}`, "../link"]);
  assert.match(stdout, /^\d+\n$/);
  assert.ok(existsSync(root.dir.join("root/link")));
});

test.run();
