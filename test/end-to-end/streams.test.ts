import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { startPty } from "../support/pty.ts";
import { run } from "../support/run-program.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("standard streams of ctr run");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

test("1 GiB arrives byte for byte", async () => {
  const { ctr, image } = bench;
  const produce = "yes 'a line of a few bytes' | head -c 1073741824";
  const expected = await run(["sh", "-c", `${produce} | sha256sum`]);
  const script = `"$0" run --rm "$1" big sh -c "${produce}" | sha256sum`;
  const { stdout } = await run(["sh", "-c", script, ctrExecutable, image], { env: ctr.env });
  assert.is(stdout, expected.stdout);
});

test("-t gives a shell with the terminal's size, Ctrl-C, and the terminal back as it was", async () => {
  const { ctr, image } = bench;
  const script = 'stty -g; "$0" run --rm -t "$1" shell sh; echo code=$?; stty -g';
  await using pty = startPty(["sh", "-c", script, ctrExecutable, image], {
    env: ctr.env,
    columns: 97,
    rows: 31,
  });
  await pty.waitForOutput("# ");
  pty.write("stty size\r");
  await pty.waitForOutput("31 97\r\n");
  pty.resize(120, 40);
  pty.write("stty size\r");
  await pty.waitForOutput("40 120\r\n");
  // One job, so that Ctrl-C finds it whatever it is at; by the time it speaks the terminal has its settings back.
  pty.write("sh -c 'echo begun | tr a-z A-Z; exec sleep 1000'\r");
  await pty.waitForOutput("BEGUN\r\n");
  pty.write("\x03");
  await pty.waitForOutput(/\^C.*# /s);
  pty.write("exit 9\r");
  await pty.waitForOutput(/code=9\r\n[0-9a-f:]{20,}\r\n/);
  const [before, after] = pty.output().match(/^[0-9a-f:]{20,}(?=\r$)/gm) ?? [];
  assert.ok(before);
  assert.is(after, before);
});

test.run();
