import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Attachment } from "../../src/core/task.ts";
import { bundleAt } from "../../src/runtime/bundle.ts";
import { connectToSupervisor } from "../../src/runtime/connection.ts";
import { run } from "../support/run-program.ts";
import { openTestTasks, type TestTasks } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";

const attached = { kind: "attached" } as const;

async function messageOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it succeeded");
}

async function startIdle(t: TestTasks) {
  return t.tasks.start("c1", t.request("c1", ["sh", "-c", "trap exit TERM; while :; do sleep 0.05; done"]));
}

test("streams and status pass, and thirty leave no trace", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const [bun, ...words] = t.client("exec", "c1", {
    exec: t.exec("e1", ["sh", "-c", "cat; echo err >&2; exit 3"], attached),
  });
  const piped = await run(["sh", "-c", 'printf x | "$0" "$@" 2>&1 | cat', bun!, ...words]);
  assert.is(piped.stdout, "xerr\n");
  const copied = await run([bun!, ...words], { stdin: "y" });
  assert.equal([copied.stdout, copied.stderr, copied.code], ["y", "err\n", 3]);

  const [supervisor] = supervisorsOf(t);
  const count = () => readdirSync(`/proc/${supervisor}/fd`).length;
  const before = count();
  for (let round = 0; round < 30; round++) {
    const attachment = (await task.exec(
      t.exec("same", ["sh", "-c", `exit ${round}`], attached),
    )) as Attachment;
    assert.is((await attachment.ended).status, round);
  }
  // The last connection is closed when its end has crossed the socket.
  await waitFor(() => count() === before);
  assert.equal(readdirSync(join(t.bundle("c1"), "execs")), []);
  assert.equal(zombiesOf(supervisor!), []);
  assert.is((await task.processes()).length <= 2, true);
  await task.delete({ force: true });
});

test("an id whose directory vanished before the supervisor looked is free again", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const connection = (await connectToSupervisor(bundleAt(t.bundle("c1"), { publish() {} })))!;
  const nothing = { kind: "null" } as const;
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  const asked = connection.ask({ op: "exec", execId: "e1", claim: "gone", attached: false, stdio });
  assert.is(await messageOf(asked), "process does not exist e1: not found");
  connection[Symbol.dispose]();
  assert.ok(await task.exec(t.exec("e1", ["true"])));
  await task.delete({ force: true });
});

test("a client that was refused an id leaves the exec alone that has it", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const kept = (await task.exec(t.exec("e1", ["sleep", "100"], attached))) as Attachment;
  const nothing = { kind: "null" } as const;
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  const other = (await connectToSupervisor(bundleAt(t.bundle("c1"), { publish() {} })))!;
  const asked = other.ask({ op: "exec", execId: "e1", claim: "other", attached: true, stdio });
  assert.is(await messageOf(asked), "id e1: already exists");
  other[Symbol.dispose]();
  await task.kill(9, { execId: "e1" });
  assert.is((await kept.ended).status, 137);
  await task.delete({ force: true });
});

test("a detached one is listed, waited for, killed, and holds its id until it is deleted", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const pid = await task.exec(t.exec("e1", ["sleep", "100"]));
  assert.equal(await task.execs(), [{ execId: "e1", pid, status: "running" }]);
  const processes = await task.processes();
  assert.equal(
    processes.find((process) => process.pid === pid),
    { pid, execId: "e1" },
  );
  assert.ok(processes.some((process) => process.execId === undefined));
  assert.is(await messageOf(task.exec(t.exec("e1", ["true"]))), "id e1: already exists");
  assert.is(
    await messageOf(task.deleteExec("e1")),
    "current process state: running, process must be stopped before deletion: failed precondition",
  );
  assert.is(await messageOf(task.kill(9, { execId: "none" })), "process does not exist none: not found");
  await task.kill(9, { execId: "e1" });
  assert.is((await task.wait("e1")).status, 137);
  assert.is(await messageOf(task.exec(t.exec("e1", ["true"]))), "id e1: already exists");
  assert.is(await messageOf(task.kill(9, { execId: "e1" })), "process already finished: not found");
  assert.is((await task.deleteExec("e1")).status, 137);
  await task.exec(t.exec("e1", ["true"]));
  assert.is((await task.wait("e1")).status, 0);
  await task.delete({ force: true });
});

test("what cannot be run says why in the runtime's words, and its id is free again", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const words =
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nonesuch": executable file not found in $PATH: unknown';
  for (const io of [attached, { kind: "null" }] as const) {
    assert.is(await messageOf(task.exec(t.exec("e1", ["nonesuch"], io))), words);
  }
  assert.is(
    await messageOf(task.exec(t.exec("a/b", ["true"]))),
    'identifier "a/b" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$: invalid argument',
  );
  assert.equal(readdirSync(join(t.bundle("c1"), "execs")), []);
  await task.kill(9);
  await task.wait();
  assert.is(await messageOf(task.exec(t.exec("e1", ["true"]))), "cannot exec in a stopped state: unknown");
});

test("a failure is one line on stderr, of a pipe too", async () => {
  await using t = openTestTasks();
  await startIdle(t);
  const exec = t.client("exec", "c1", { exec: t.exec("e1", ["nonesuch"], attached) });
  const created = t.client("run", "c2", { run: t.request("c2", ["nonesuch"], attached) });
  for (const [bun, ...words] of [exec, created]) {
    const { stdout } = await run([
      "sh",
      "-c",
      '{ "$0" "$@" 3>&1 >&2 2>&3 | cat; } 2>/dev/null',
      bun!,
      ...words,
    ]);
    assert.is(stdout.match(/nonesuch/g)?.length, 1, stdout);
  }
});

test("many at once, each with its own status", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  const statuses = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const attachment = (await task.exec(
        t.exec(`e${index}`, ["sh", "-c", `exit ${index}`], attached),
      )) as Attachment;
      return (await attachment.ended).status;
    }),
  );
  assert.equal(
    statuses,
    Array.from({ length: 12 }, (_, index) => index),
  );
});

test("a process left in the background does not hold its exec's client for ever", async () => {
  await using t = openTestTasks();
  await startIdle(t);
  const exec = t.exec("e1", ["sh", "-c", "sleep 100 & echo done"], attached);
  const { stdout, code } = await run(t.client("exec", "c1", { exec }));
  assert.equal([stdout, code], ["done\n", 0]);
});

test("execs end with the container, and their exits are known", async () => {
  await using t = openTestTasks();
  const task = await startIdle(t);
  await task.exec(t.exec("e1", ["sleep", "100"]));
  const ended = task.wait("e1");
  await task.kill(9);
  assert.is((await ended).status, 137);
  assert.is((await task.wait()).status, 137);
  await waitFor(() => supervisorsOf(t).length === 0);
  const [exec] = await task.execs();
  assert.equal([exec!.status, exec!.exit!.status], ["stopped", 137]);
  assert.is((await task.delete()).status, 137);
});

function supervisorsOf(t: TestTasks): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && commandOf(name).at(-2) === t.bundle("c1"))
    .map(Number);
}

function zombiesOf(parent: number): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    const stat = readOrEmpty(`/proc/${name}/stat`);
    const [state, parentPid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" && parentPid === `${parent}`;
  });
}

function commandOf(pid: string): string[] {
  return readOrEmpty(`/proc/${pid}/cmdline`).split("\0");
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

test.run();
