import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { type Pty, startPty } from "../support/pty.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const test = suite("at a terminal");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => bench?.[Symbol.asyncDispose]());

/** A user's shell, which looks at the terminal's settings before and after the command. */
function userAt(words: string[], size = { columns: 97, rows: 31 }): Pty {
  const script = 'stty -g; "$0" "$@"; echo code=$?; stty -g; echo done';
  return startPty(["sh", "-c", script, ctrExecutable, ...words], { env: bench.ctr.env, ...size });
}

async function requireRestored(pty: Pty, code: number): Promise<void> {
  await pty.waitForOutput("done\r\n");
  assert.match(pty.output(), `code=${code}\r\n`);
  const [before, after] = pty.output().match(/^[0-9a-f:]{20,}(?=\r$)/gm) ?? [];
  assert.ok(before);
  assert.is(after, before);
}

/** Types a line, and waits for what it prints rather than for its echo. */
async function enter(pty: Pty, line: string, wanted: string | RegExp): Promise<void> {
  pty.write(`${line}\r`);
  await pty.waitForOutput(wanted);
}

test("an editor on the whole screen, a resize in its midst, Ctrl-Z, fg, Ctrl-C, and Ctrl-D at the end", async () => {
  await using pty = userAt(["run", "--rm", "-t", bench.image, "editing", "sh"]);
  await pty.waitForOutput("# ");
  await enter(pty, "vi /tmp/note", "\x1b[31;1H\x1b[K- /tmp/note");
  pty.write("ifirst line\rsecond\x1b");
  await pty.waitForOutput("second");
  pty.resize(60, 15);
  // The last line of the smaller screen is where its status goes now.
  await pty.waitForOutput("\x1b[15;1H");
  pty.write(":wq\r");
  await pty.waitForOutput(/2L, \d+C|2 lines|written/);
  await enter(pty, "stty size; tr a-z A-Z </tmp/note", "15 60\r\nFIRST LINE\r\nSECOND\r\n");
  const job = "trap 'echo going on' CONT; echo begun; while :; do sleep 0.05; done";
  await enter(pty, `echo "${job}" >/tmp/job; sh /tmp/job`, "\nbegun\r\n");
  pty.write("\x1a");
  await pty.waitForOutput(/Stopped/);
  await enter(pty, "jobs | tr a-z A-Z", /STOPPED/);
  await enter(pty, "fg", "\ngoing on\r\n");
  pty.write("\x03");
  await enter(pty, "echo stat''us=$?", /status=130/);
  pty.write("\x04");
  await requireRestored(pty, 0);
  assert.is(await bench.ctr.ok("containers", "list", "-q"), "");
});

test("tasks start of a container with a terminal, exec with one of its own, and attach to the first again", async () => {
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", "--tty", image, "shell", "sh");
  {
    await using first = userAt(["tasks", "start", "shell"], { columns: 50, rows: 20 });
    await enter(first, "stty size; N=7", "20 50\r\n");
    await using second = userAt(["tasks", "exec", "-t", "shell", "sh"], { columns: 70, rows: 22 });
    await enter(second, "stty size; tty", /22 70\r\n\/dev\/pts\/1\r\n/);
    second.resize(71, 23);
    await enter(second, "stty size", "23 71\r\n");
    second.write("exit 6\r");
    await requireRestored(second, 6);
    first.hangUp();
    await first.exited;
  }
  assert.match(await ctr.ok("tasks", "list"), /^shell +\d+ +RUNNING$/m);
  await using third = userAt(["tasks", "attach", "shell"], { columns: 40, rows: 12 });
  await waitFor(() => third.output().split("\r\n").length > 1, { what: "the terminal's settings" });
  await enter(third, "stty size; echo N=$N", /12 40\r\nN=7\r\n/);
  third.write("exit 8\r");
  await requireRestored(third, 8);
  await ctr.ok("containers", "delete", "shell");
});

for (const signal of ["TERM", "HUP", "INT", "QUIT"]) {
  test(`a client that SIG${signal} ends, and a container that is killed, give the terminal back`, async () => {
    const { ctr, image } = bench;
    const id = signal.toLowerCase();
    await using pty = userAt(["run", "-t", image, id, "sh"]);
    await pty.waitForOutput("# ");
    const { stdout } = Bun.spawnSync(["ps", "--ppid", `${pty.pid}`, "-o", "pid="]);
    const client = Number(stdout.toString().trim().split(/\s+/)[0]);
    process.kill(client, `SIG${signal}` as NodeJS.Signals);
    await waitFor(() => pty.output().includes("done\r\n"), { timeoutMs: 5000 }).catch(() => undefined);
    const isOver = pty.output().includes("done\r\n");
    if (!isOver) await ctr.ok("tasks", "kill", "-s", "KILL", id);
    await pty.waitForOutput("done\r\n");
    const [before, after] = pty.output().match(/^[0-9a-f:]{20,}(?=\r$)/gm) ?? [];
    assert.is(after, before);
    await ctr("tasks", "delete", "--force", id);
    await ctr.ok("containers", "delete", id);
  });
}

test.run();
