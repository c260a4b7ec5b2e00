import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { startPty } from "../support/pty.ts";
import { run } from "../support/run-program.ts";
import { openTestTasks, remains, type TestTasks } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";

const attached = { kind: "attached" } as const;

function runOnTerminal(t: TestTasks, id: string, args: string[], size?: { columns: number; rows: number }) {
  const request = t.request(id, args, attached, ({ process }) => {
    process.terminal = true;
  });
  // The shell looks at the terminal's settings before and after, as a user's would.
  const [bun, ...words] = t.client("run", id, { run: request });
  const script = 'stty -g; "$0" "$@"; code=$?; stty -g; echo code=$code';
  return startPty(["sh", "-c", script, bun!, ...words], size);
}

/** The two settings that the shell printed. */
function settings(output: string): string[] {
  return output.split("\r\n").filter((line) => /^[0-9a-f:]{20,}$/.test(line));
}

test("a terminal has the caller's size from the start, follows it, and is given back as it was", async () => {
  await using t = openTestTasks();
  // A signal ends busybox' read with nothing read.
  const loop = 'until [ "$line" = end ]; do read line; echo got $line; done; exit 5';
  const script = `tty; stty size; trap 'stty size' WINCH; echo ready; ${loop}`;
  await using pty = runOnTerminal(t, "c1", ["sh", "-c", script], { columns: 91, rows: 33 });
  const begin = await pty.waitForOutput("ready\r\n");
  assert.match(begin, /\/dev\/(pts\/0|console)\r\n33 91\r\nready/);
  pty.resize(120, 40);
  pty.write("x\r");
  await pty.waitForOutput("40 120\r\n");
  await pty.waitForOutput("got x\r\n");
  pty.write("end\r");
  assert.match(await pty.waitForOutput("code="), /code=5/);
  const [before, after] = settings(pty.output());
  assert.ok(before);
  assert.is(after, before);
  assert.equal(remains(t), []);
});

test("Ctrl-C is the container's, and bytes come unchanged", async () => {
  await using t = openTestTasks();
  const script =
    "trap 'echo int; exit 7' INT; printf 'a\\nb\\r\\n'; echo ready; while :; do sleep 0.01; done";
  await using pty = runOnTerminal(t, "c1", ["sh", "-c", script]);
  const begin = await pty.waitForOutput("ready");
  assert.match(begin, /a\r\nb\r\r\nready/);
  pty.write("\x03");
  await pty.waitForOutput("code=7");
  assert.match(pty.output(), /\^C.*int/s);
});

test("a hang-up and a killed client leave the container; another client attaches with its terminal", async () => {
  await using t = openTestTasks();
  const request = t.request(
    "c1",
    ["sh", "-c", "while read x; do echo got $x; done; exit 8"],
    attached,
    ({ process }) => {
      process.terminal = true;
    },
  );
  const client = t.client("run", "c1", { run: request });
  const first = startPty(client);
  await waitFor(async () => (await (await t.tasks.get("c1")).status()) === "running");
  first.write("one\r");
  await first.waitForOutput("got one");
  first.hangUp();
  assert.is(await first.exited, 129);
  const task = await t.tasks.get("c1");
  assert.is(await task.status(), "running");

  const second = startPty(t.client("attach", "c1"), { columns: 77, rows: 22 });
  second.write("two\r");
  await second.waitForOutput("got two");
  process.kill(second.pid, "SIGKILL");
  assert.is(await second.exited, 137);
  assert.is(await task.status(), "running");

  await using third = startPty(t.client("attach", "c1"));
  third.write("three\r");
  await third.waitForOutput("got three");
  third.write("\x04");
  assert.is(await third.exited, 8);
  assert.equal(remains(t), []);
});

test("a client that a signal ends gives the terminal back first", async () => {
  await using t = openTestTasks();
  await using pty = runOnTerminal(t, "c1", ["sh", "-c", "echo ready; exec sleep 100"]);
  await pty.waitForOutput("ready\r\n");
  const children = readFileSync(`/proc/${pty.pid}/task/${pty.pid}/children`, "utf8");
  process.kill(Number(children.trim()), "SIGTERM");
  await pty.waitForOutput("code=143");
  const [before, after] = settings(pty.output());
  assert.is(after, before);
  assert.is(await (await t.tasks.get("c1")).status(), "running");
});

test("megabytes cross a terminal whole", async () => {
  await using t = openTestTasks();
  const script = "stty -opost; seq 1 400000; echo; echo end";
  await using pty = runOnTerminal(t, "c1", ["sh", "-c", script]);
  await pty.waitForOutput("code=0", 30_000);
  const lines = pty.output().split(/\r?\n/);
  const from = lines.indexOf("1");
  for (let number = 1; number <= 400_000; number++) {
    if (lines[from + number - 1] !== `${number}`)
      assert.unreachable(`line ${number} is ${lines[from + number - 1]}`);
  }
});

test("an exec has a terminal of its own", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  const exec = t.exec("e1", ["sh", "-c", "stty size; read x; echo got $x; exit 3"], attached, (process) => {
    process.terminal = true;
  });
  await using pty = startPty(t.client("exec", "c1", { exec }), { columns: 66, rows: 11 });
  await pty.waitForOutput("11 66\r\n");
  pty.write("y\r");
  assert.is(await pty.exited, 3);
  assert.match(pty.output(), /got y\r\n/);
  assert.equal(await task.execs(), []);
});

test("without a terminal of the caller's there is none for the container", async () => {
  await using t = openTestTasks();
  const tty = (io: Parameters<typeof t.request>[2]) =>
    t.request("c1", ["true"], io, ({ process }) => {
      process.terminal = true;
    });
  const { code, stderr } = await run(t.client("run", "c1", { run: tty(attached) }));
  assert.is(code, 1);
  assert.match(stderr, /provided file is not a console/);
  for (const io of [{ kind: "null" }, { kind: "uri", uri: "file:///x" }] as const) {
    try {
      await t.tasks.start("c1", tty(io));
      assert.unreachable();
    } catch (error) {
      assert.ok(hasCode(error, "InvalidArgument"));
    }
  }
  assert.equal(remains(t), []);
});

test("a detached terminal waits with its output for whoever attaches, and can be resized before", async () => {
  await using t = openTestTasks();
  const request = t.request(
    "c1",
    ["sh", "-c", "echo first; read x; stty size; exit 2"],
    { kind: "log" },
    ({ process }) => {
      process.terminal = true;
    },
  );
  const task = await t.tasks.start("c1", request);
  await task.resize(50, 10);
  await using pty = startPty(t.client("attach", "c1"), { columns: 70, rows: 20 });
  await pty.waitForOutput("first\r\n");
  pty.write("\r");
  assert.is(await pty.exited, 2);
  assert.match(pty.output(), /20 70\r\n/);
  assert.equal(remains(t), []);
});

test.run();
