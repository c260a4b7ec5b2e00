import { mkdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError, hasCode, withSubject } from "../../src/core/errors.ts";
import { mkdirAt } from "../../src/sys/entries.ts";
import { asSysError, type Errno, hasErrno, SysError } from "../../src/sys/errno.ts";
import { AT_FDCWD, O_RDONLY, openAt } from "../../src/sys/open.ts";
import { run } from "../support/run-program.ts";

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a failed call says which, where and why, and has containerd's class", () => {
  const error = caught(() => openAt(AT_FDCWD, "/no/such\nfile", O_RDONLY)) as SysError;
  assert.instance(error, CtrError);
  assert.is(error.message, 'openat "/no/such\\nfile": no such file or directory');
  assert.is(error.code, "NotFound");
  assert.is(error.errno, "ENOENT");
  assert.is(error.syscall, "openat");
  assert.is(error.path, "/no/such\nfile");
});

test("a subject before it keeps class and words", () => {
  const error = withSubject('image "x"', new SysError("ENOSPC", "write", "/a"));
  assert.is(error.code, "ResourceExhausted");
  assert.is(error.message, 'image "x": write "/a": no space left on device');
  assert.match(error.hint ?? "", "disk space");
});

test("the numbers are this machine's", () => {
  const known = Object.entries(constants.errno).map(([name, number]) => [
    name,
    new SysError(number, "x").errno,
  ]);
  const listed = known.filter(([, found]) => !/^E\d/.test(found ?? ""));
  assert.ok(listed.length > 45, `${listed.length} listed`);
  // Two names of one number.
  const synonyms: Record<string, string> = { EWOULDBLOCK: "EAGAIN", ENOTSUP: "EOPNOTSUPP" };
  for (const [name = "", found] of listed) assert.is(found, synonyms[name] ?? name);
});

test("what users meet has the class that callers decide by", () => {
  const classes: [Errno, string][] = [
    ["ENOENT", "NotFound"],
    ["EEXIST", "AlreadyExists"],
    ["EACCES", "PermissionDenied"],
    ["EPERM", "PermissionDenied"],
    ["ENOSPC", "ResourceExhausted"],
    ["EDQUOT", "ResourceExhausted"],
    ["EINVAL", "InvalidArgument"],
    ["EBUSY", "FailedPrecondition"],
    ["ENOTEMPTY", "FailedPrecondition"],
    ["ENOSYS", "NotImplemented"],
    ["EIO", "DataLoss"],
    ["EAGAIN", "Unavailable"],
  ];
  for (const [errno, code] of classes) assert.is(new SysError(errno, "x").code, code, errno);
});

test("an errno that nobody listed is still told", () => {
  const error = new SysError(4711, "ioctl");
  assert.is(error.errno, "E4711");
  assert.is(error.code, "Unknown");
  assert.is(error.message, "ioctl: errno 4711");
});

test("Node's failures become the same thing, others stay what they are", () => {
  const error = asSysError(caught(() => readFileSync("/no/such/file"))) as SysError;
  assert.instance(error, SysError);
  assert.is(error.message, 'open "/no/such/file": no such file or directory');
  assert.ok(hasErrno(error, "EEXIST", "ENOENT"));
  assert.ok(
    hasErrno(
      caught(() => mkdirSync("/")),
      "EEXIST",
    ),
  );
  assert.not(hasErrno(error, "EEXIST"));
  const other = new Error("other");
  assert.is(asSysError(other), other);
  assert.is(asSysError(error), error);
  assert.is(asSysError("text"), "text");
});

test("errno belongs to the call that failed, whatever fails in between", () => {
  for (let round = 0; round < 20_000; round++) {
    const name = round % 2 === 0 ? "/no/such" : "/";
    const error = caught(() => mkdirAt(AT_FDCWD, round % 2 === 0 ? `${name}/x` : name, 0o700));
    assert.is((error as SysError).errno, round % 2 === 0 ? "ENOENT" : "EEXIST");
  }
});

test("who is not root is told to be", async () => {
  const program = `
    import { mkdirAt } from ${JSON.stringify(`${import.meta.dirname}/../../src/sys/entries.ts`)};
    process.seteuid(65534);
    try { mkdirAt(-100, "/proc/x", 0o700) } catch (error) { console.log(error.code, error.hint) }
    try { mkdirAt(-100, "/root/x", 0o700) } catch (error) { console.log(error.code, error.hint) }
  `;
  const { stdout } = await run([process.execPath, "-e", program]);
  assert.match(stdout, "PermissionDenied run it as root");
});

test("a refusal is no failure of a call", () => {
  const error = caught(() => openAt(AT_FDCWD, "a\0b", O_RDONLY));
  assert.ok(hasCode(error, "InvalidArgument"));
  assert.not.instance(error, SysError);
});

test.run();
