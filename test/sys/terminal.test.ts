import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openPath } from "../../src/sys/descriptors.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { closeFd, O_RDWR } from "../../src/sys/open.ts";
import { isTerminal, makeTerminalRaw, readWindowSize } from "../../src/sys/terminal.ts";
import { startPty } from "../support/pty.ts";

const FIXTURE = join(import.meta.dirname, "../fixtures/sys/raw-terminal.ts");

test("what is no terminal is none, and cannot be made raw", () => {
  const fd = openPath("/dev/null", O_RDWR);
  assert.not(isTerminal(fd));
  assert.throws(
    () => makeTerminalRaw(fd),
    (error: unknown) => hasErrno(error, "ENOTTY"),
  );
  assert.throws(
    () => readWindowSize(fd),
    (error: unknown) => hasErrno(error, "ENOTTY"),
  );
  closeFd(fd);
});

test("raw lets every byte through, and what was set before comes back", async () => {
  await using pty = startPty([process.execPath, FIXTURE], { columns: 97, rows: 31 });
  await pty.waitForOutput("97x31 raw\n");
  // Not \r\n: output is not processed. And no echo of what is typed: Ctrl-C arrives as a byte.
  assert.not.match(pty.output(), "\r");
  pty.write("a\x03\r");
  await pty.waitForOutput("got 97,3,13\n");
  assert.not.match(pty.output(), "\x61\x03");
  await pty.waitForOutput(/restored\r\n/);
  assert.is(await pty.exited, 0);
});

test("a window size that is set is seen by the program behind the terminal", async () => {
  await using pty = startPty([process.execPath, FIXTURE, "resize"]);
  await pty.waitForOutput(/SIGWINCH 120x40/);
});

test.run();
