import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountsBelow } from "../support/mounts.ts";
import { isAlive, processesNaming } from "../support/processes.ts";
import { run } from "../support/run-program.ts";
import { containerCgroups, openTestTasks, remains, type TestTasks } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";

const attached = { kind: "attached" } as const;

function supervisorOf(t: TestTasks, id: string): number {
  const found = processesNaming(t.bundle(id)).filter(({ command }) => command.endsWith(t.bundle(id)));
  return found[0]?.pid ?? 0;
}

async function killSupervisor(t: TestTasks, id: string): Promise<void> {
  const pid = supervisorOf(t, id);
  process.kill(pid, "SIGKILL");
  await waitFor(() => !isAlive(pid));
}

function withMount(t: TestTasks, id: string, args: string[]) {
  const request = t.request(id, args);
  const source = (request.spec as { root: { path: string } }).root.path;
  return {
    ...request,
    spec: { ...request.spec, root: { path: "rootfs" } },
    mounts: [{ type: "bind", source, options: ["rbind"] }],
  };
}

test("a killed client leaves the container running; another attaches and gets its output and status", async () => {
  await using t = openTestTasks();
  const script = "echo one; read x; echo got $x; exit 9";
  // Sockets are copied through FIFOs, and those can be attached to again.
  const client = Bun.spawn(t.client("run", "c1", { run: t.request("c1", ["sh", "-c", script], attached) }), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  for await (const chunk of client.stdout) if (Buffer.from(chunk).includes("one")) break;
  client.kill("SIGKILL");
  await client.exited;
  const task = await t.tasks.get("c1");
  assert.is(await task.status(), "running");
  const { stdout, code } = await run(t.client("attach", "c1"), { stdin: "again\n" });
  assert.equal([stdout, code], ["got again\n", 9]);
  assert.equal(remains(t), []);
});

test("what a container says after its client was killed waits for the next one", async () => {
  await using t = openTestTasks();
  const client = Bun.spawn(
    t.client("run", "c1", {
      run: t.request("c1", ["sh", "-c", "echo one; read x; echo two; exit 9"], attached),
    }),
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  for await (const chunk of client.stdout) if (Buffer.from(chunk).includes("one")) break;
  client.kill("SIGKILL");
  await client.exited;
  const task = await t.tasks.get("c1");
  await task.closeStdin();
  assert.is((await task.wait()).status, 9);
  assert.is(await task.status(), "stopped");
  const { stdout, code } = await run(t.client("attach", "c1"));
  assert.equal([stdout, code], ["two\n", 9]);
  assert.equal(remains(t), []);
  await waitFor(() => supervisorOf(t, "c1") === 0);
});

test("a killed supervisor: the task is listed as it is, ends with 255, and delete leaves nothing", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", withMount(t, "c1", ["sleep", "100"]));
  const exec = await task.exec(t.exec("e1", ["sleep", "100"]));
  assert.type(exec, "number");
  await killSupervisor(t, "c1");
  assert.is(await task.status(), "running");
  assert.is((await task.processes()).length, 2);
  try {
    await task.exec(t.exec("e2", ["true"]));
    assert.unreachable();
  } catch (error) {
    assert.is(
      (error as Error).message,
      "cannot exec in task c1, whose supervisor was killed: failed precondition",
    );
  }
  const waiting = task.wait();
  await task.kill(9);
  assert.equal(await waiting, { status: 255, at: undefined });
  assert.is(await task.status(), "stopped");
  assert.equal(
    (await task.execs()).map(({ status, exit }) => [status, exit?.status]),
    [["stopped", 255]],
  );
  assert.is((await task.delete()).status, 255);
  assert.equal(remains(t), []);
  assert.equal(mountsBelow(t.path), []);
  assert.equal(containerCgroups(t), []);
});

test("SIGUSR1 has a supervisor write what it knows into its log, and changes nothing", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  await task.exec(t.exec("e1", ["sleep", "100"]));
  const log = () => readFileSync(join(t.bundle("c1"), "supervisor.log"), "utf8");
  for (const count of [1, 2]) {
    process.kill(supervisorOf(t, "c1"), "SIGUSR1");
    await waitFor(() => log().split("\n").length > count);
  }
  const [line = ""] = log().split("\n");
  assert.equal(JSON.parse(line), {
    id: "c1",
    isRemoved: false,
    runningExecs: 1,
    workCount: 0,
    owner: "gone",
  });
  assert.is(await task.status(), "running");
  await task.delete({ force: true });
  assert.equal(remains(t), []);
});

test("signals of a session or a terminal that ends do not end a supervisor", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start(
    "c1",
    t.request("c1", ["sh", "-c", "read x </dev/tty; sleep 0.2; exit 4"]),
  );
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const) {
    const pid = supervisorOf(t, "c1");
    if (pid !== 0) process.kill(pid, signal);
  }
  assert.is((await task.wait()).status, 4);
  await task.delete();
  assert.equal(remains(t), []);
});

test("a supervisor killed while its client waits: the client still learns the end, and deletes", async () => {
  await using t = openTestTasks();
  const client = Bun.spawn(t.client("run", "c1", { run: t.request("c1", ["sleep", "100"], attached) }), {
    stderr: "inherit",
  });
  await waitFor(async () => (await (await t.tasks.get("c1")).status()) === "running");
  await killSupervisor(t, "c1");
  await (await t.tasks.get("c1")).kill(9);
  assert.is(await client.exited, 255);
  assert.equal(remains(t), []);
});

test("force deletes running and paused tasks whose supervisor is dead", async () => {
  await using t = openTestTasks();
  for (const isPaused of [false, true]) {
    const task = await t.tasks.start("c1", withMount(t, "c1", ["sleep", "100"]));
    await killSupervisor(t, "c1");
    if (isPaused) await task.pause();
    await task.delete({ force: true });
    assert.equal(remains(t), []);
    assert.equal(mountsBelow(t.path), []);
    assert.equal(containerCgroups(t), []);
  }
});

test("a creation that is killed at any moment is cleaned by the next one, or by delete", async () => {
  await using t = openTestTasks();
  for (let delayMs = 0; delayMs < 120; delayMs += 6) {
    const client = Bun.spawn(
      t.client("run", "c1", { run: { ...withMount(t, "c1", ["sleep", "100"]), io: attached } }),
      {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    await waitFor(() => supervisorOf(t, "c1") > 0);
    await Bun.sleep(delayMs);
    const supervisor = supervisorOf(t, "c1");
    process.kill(client.pid, "SIGKILL");
    if (supervisor > 0) process.kill(supervisor, "SIGKILL");
    await client.exited;
    await waitFor(() => supervisorOf(t, "c1") === 0);
    const task = await t.tasks.get("c1").catch(() => undefined);
    if (delayMs % 12 === 0) await task?.delete({ force: true });
    else if ((await task?.status()) !== "unknown") await task?.delete({ force: true });
    const next = await t.tasks.create("c1", withMount(t, "c1", ["true"]));
    assert.is(await next.status(), "created");
    await next.delete({ force: true });
    assert.equal(remains(t), [], `after ${delayMs} ms`);
    assert.equal(mountsBelow(t.path), []);
    assert.equal(containerCgroups(t), []);
  }
  await waitFor(() => processesNaming(t.bundle("c1")).length === 0);
});

test("a deletion that is killed is finished by the next", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", withMount(t, "c1", ["true"]));
  assert.is((await task.wait()).status, 0);
  await waitFor(() => supervisorOf(t, "c1") === 0);
  // As far as the runtime's own state: the rest is still there.
  await run(["runc", "--root", t.runcRoot, "delete", "c1"]);
  assert.is(await task.status(), "stopped");
  assert.is((await task.delete()).status, 0);
  assert.equal(remains(t), []);
  assert.equal(mountsBelow(t.path), []);
});

test("litter is listed as unknown, and the rest of the list is not disturbed", async () => {
  await using t = openTestTasks();
  const good = await t.tasks.create("c2", t.request("c2", ["true"]));
  const bundle = t.bundle("c1");
  mkdirSync(bundle, { mode: 0o700 });
  assert.equal(
    (await t.tasks.list()).map(({ id }) => id),
    ["c2"],
  );
  const record = JSON.parse(readFileSync(join(t.bundle("c2"), "task.json"), "utf8"));
  writeFileSync(join(bundle, "task.json"), JSON.stringify({ ...record, fifoDir: bundle }));
  const [litter] = await t.tasks.list();
  assert.equal([litter!.id, await litter!.status()], ["c1", "unknown"]);
  await litter!.delete();
  await good.delete({ force: true });
  assert.equal(remains(t), []);
});

test("a process that has the number of a dead one is not taken for it", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  await killSupervisor(t, "c1");
  await task.kill(9);
  await task.wait();
  const path = join(t.bundle("c1"), "init.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), pid: process.pid }));
  assert.is(await task.status(), "stopped");
  await task.delete({ force: true });
  assert.ok(isAlive(process.pid));
});

test("whoever was to clean up after a killed client is replaced by a command", async () => {
  await using t = openTestTasks();
  const told = join(t.path, "told");
  const request = {
    ...t.request("c1", ["sh", "-c", "read x; exit 3"], attached),
    whenAbandoned: ["/bin/sh", "-c", `echo abandoned >${told}`],
  };
  const start = () =>
    Bun.spawn(t.client("run", "c1", { run: request }), {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "inherit",
    });

  const living = start();
  living.stdin.end();
  assert.is(await living.exited, 3);
  await waitFor(() => supervisorOf(t, "c1") === 0);
  assert.not(readdirSync(t.path).includes("told"));

  const client = start();
  await waitFor(async () => (await (await t.tasks.get("c1")).status()) === "running");
  client.kill("SIGKILL");
  await client.exited;
  await (await t.tasks.get("c1")).closeStdin();
  await waitFor(() => readFileSync(told, "utf8") === "abandoned\n");
});

test.run();
