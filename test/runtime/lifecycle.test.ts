import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CtrError, hasCode } from "../../src/core/errors.ts";
import { openEventLog } from "../../src/events/index.ts";

import { mountsBelow } from "../support/mounts.ts";
import { processesNaming } from "../support/processes.ts";
import { containerCgroups, openTestTasks, remains } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";

async function failureOf(work: Promise<unknown>): Promise<CtrError> {
  try {
    await work;
  } catch (error) {
    return error as CtrError;
  }
  throw new Error("it succeeded");
}

test("create, start, wait, delete: each status, and nothing is left", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.create("c1", t.request("c1", ["sh", "-c", "read x </dev/tty; exit 7"]));
  assert.is(await task.status(), "created");
  assert.is(await task.exit(), undefined);
  await task.start();
  const exit = await task.wait();
  assert.is(exit.status, 7);
  assert.ok(exit.at && Date.now() - exit.at.getTime() < 10_000);
  assert.is(await task.status(), "stopped");
  assert.equal(await task.exit(), exit);
  assert.equal(await task.delete(), exit);
  assert.equal(remains(t), []);
  assert.equal(containerCgroups(t), []);
  await waitFor(() => processesNaming(t.path).length === 0);
  assert.ok(hasCode(await failureOf(t.tasks.get("c1")), "NotFound"));
  assert.ok(hasCode(await failureOf(task.status()), "NotFound"));
});

test("a process that a signal ends has 128 and its number", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  assert.is(await task.status(), "running");
  const refusal = await failureOf(task.delete());
  assert.is(refusal.message, "task must be stopped before deletion: running: failed precondition");
  assert.is(refusal.hint, "--force ends it first");
  await task.kill(9);
  assert.is((await task.wait()).status, 137);
  assert.is((await failureOf(task.kill(15))).message, "process already finished: not found");
  assert.is((await task.delete()).status, 137);

  const trapping = await t.tasks.start(
    "c2",
    t.request("c2", ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done"]),
  );
  await waitFor(async () => {
    const stat = readFileSync(`/proc/${await trapping.pid()}/status`, "utf8");
    const caught = Number.parseInt(/^SigCgt:\s*([0-9a-f]+)/m.exec(stat)![1]!, 16);
    return (caught & (1 << 14)) !== 0;
  });
  await trapping.kill(15);
  assert.is((await trapping.wait()).status, 3);
  assert.is((await trapping.delete()).status, 3);
});

test("the runtime's own words say why a container cannot be created, and nothing is left", async () => {
  await using t = openTestTasks();
  const words =
    'OCI runtime create failed: runc create failed: unable to start container process: exec: "nonesuch": executable file not found in $PATH';
  for (const begin of [t.tasks.create, t.tasks.start]) {
    const failure = await failureOf(begin("c1", t.request("c1", ["nonesuch"])));
    assert.is(failure.message, `failed to create shim task: ${words}: unknown`);
    assert.equal(remains(t), []);
    assert.equal(containerCgroups(t), []);
  }
  await waitFor(() => processesNaming(t.path).length === 0);
});

test("a missing runtime is named with the package that has it", async () => {
  await using t = openTestTasks();
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    const failure = await failureOf(t.tasks.create("c1", t.request("c1", ["true"])));
    assert.ok(hasCode(failure, "NotFound"));
    assert.is(failure.message, 'OCI runtime "runc" in PATH (/nowhere): not found');
    assert.is(failure.hint, "install it with: apt-get install runc");
  } finally {
    process.env.PATH = path;
  }
  assert.equal(remains(t), []);
});

test("an id is taken until its task is deleted", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  const again = () => failureOf(t.tasks.create("c1", t.request("c1", ["true"])));
  assert.is((await again()).message, "task c1: already exists");
  await task.kill(9);
  await task.wait();
  const refusal = await again();
  assert.is(refusal.message, "task c1: already exists");
  assert.is(refusal.hint, "it has ended; delete it to start again: ctr tasks delete c1");
  assert.is((await task.delete()).status, 137);
  await (await t.tasks.create("c1", t.request("c1", ["true"]))).delete({ force: true });
  assert.equal(remains(t), []);
});

test("a request that fails leaves nothing", async () => {
  await using t = openTestTasks();
  const failure = await failureOf(t.tasks.create("c1", Promise.reject(new Error("no such image"))));
  assert.is(failure.message, "no such image");
  assert.equal(remains(t), []);
  await waitFor(() => processesNaming(t.path).length === 0);
});

test("mounts make the root; they go with the task, also when one of them fails", async () => {
  await using t = openTestTasks();
  const request = t.request("c1", ["cat", "/marker"]);
  const rootfs = (request.spec as { root: { path: string } }).root.path;
  const mounts = [{ type: "bind", source: rootfs, options: ["rbind", "ro"] }];
  const spec = { ...request.spec, root: { path: "rootfs" } };
  const task = await t.tasks.create("c1", { ...request, spec, mounts });
  assert.equal(mountsBelow(t.state), [join(t.bundle("c1"), "rootfs")]);
  await task.start();
  assert.is((await task.wait()).status, 1);
  await task.delete();
  assert.equal(mountsBelow(t.state), []);

  const bad = [...mounts, { type: "bind", source: join(t.path, "nowhere"), options: ["bind"] }];
  const failure = await failureOf(t.tasks.create("c1", { ...request, spec, mounts: bad }));
  assert.match(failure.message, /^failed to mount rootfs component: mount /);
  assert.equal(mountsBelow(t.state), []);
  assert.equal(remains(t), []);
  assert.ok(existsSync(join(rootfs, "bin/busybox")));
});

test("pause, resume, and a kill that reaches a paused container", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start("c1", t.request("c1", ["sleep", "100"]));
  await task.pause();
  assert.is(await task.status(), "paused");
  assert.is((await failureOf(task.pause())).message, "cannot pause a paused container: unknown");
  assert.is(
    (await failureOf(task.exec(t.exec("e", ["true"])))).message,
    "cannot exec in a paused state: unknown",
  );
  await task.resume();
  assert.is(await task.status(), "running");
  assert.is((await failureOf(task.resume())).message, "cannot resume a running process: unknown");
  await task.pause();
  await task.kill(9);
  assert.is((await task.wait()).status, 137);
  await task.delete();
});

test("force deletes whatever state the task is in", async () => {
  await using t = openTestTasks();
  const created = await t.tasks.create("created", t.request("created", ["true"]));
  const running = await t.tasks.start("running", t.request("running", ["sleep", "100"]));
  const paused = await t.tasks.start("paused", t.request("paused", ["sleep", "100"]));
  await paused.pause();
  assert.equal(
    (await t.tasks.list()).map(({ id }) => id),
    ["created", "paused", "running"],
  );
  for (const task of [created, running, paused]) {
    assert.is((await task.delete({ force: true })).status, 137);
  }
  assert.equal(await t.tasks.list(), []);
  assert.equal(remains(t), []);
  assert.equal(containerCgroups(t), []);
});

test("a pid file holds the number alone; one that cannot be written leaves no task", async () => {
  await using t = openTestTasks();
  const pidFile = join(t.path, "pid");
  const task = await t.tasks.start("c1", { ...t.request("c1", ["sleep", "100"]), pidFile });
  assert.is(readFileSync(pidFile, "utf8"), `${await task.pid()}`);
  const bad = { ...t.request("c2", ["sleep", "100"]), pidFile: join(t.path, "nowhere/pid") };
  assert.match(
    (await failureOf(t.tasks.start("c2", bad))).message,
    /nowhere\/\.pid": no such file or directory/,
  );
  await task.delete({ force: true });
  assert.equal(remains(t), []);
});

test("beforeStart sees the process before it runs its program", async () => {
  await using t = openTestTasks();
  const seen: string[] = [];
  const beforeStart = async (pid: number) => {
    seen.push(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
  };
  const task = await t.tasks.start("c1", { ...t.request("c1", ["sleep", "100"]), beforeStart });
  assert.equal(seen, ["runc:[2:INIT]"]);
  await task.delete({ force: true });
  const failing = async () => {
    throw new Error("no network");
  };
  const failure = await failureOf(
    t.tasks.start("c2", { ...t.request("c2", ["sleep", "100"]), beforeStart: failing }),
  );
  assert.is(failure.message, "no network");
  assert.equal(remains(t), []);
});

test("a state directory of any length works, and its socket is root's alone", async () => {
  await using t = openTestTasks();
  const { openTasks } = await import("../../src/runtime/index.ts");
  const state = join(t.path, "x".repeat(100), "y".repeat(100));
  const tasks = openTasks({ state, root: t.root, namespace: t.namespace, events: openEventLog(state) });
  const task = await tasks.start("c1", t.request("c1", ["sleep", "100"]));
  const socket = join(state, "tasks", t.namespace, "c1/supervisor.sock");
  assert.is(statSync(socket).mode & 0o777, 0o600);
  assert.is(statSync(join(socket, "..")).mode & 0o777, 0o700);
  const attachment = await task.exec(t.exec("e1", ["sh", "-c", "exit 4"]));
  assert.type(attachment, "number");
  assert.is((await task.wait("e1")).status, 4);
  await task.delete({ force: true });
  assert.not.match(readFileSync("/proc/net/unix", "utf8"), /@.*(supervis|ctr)/);
});

test("processes of a shared pid namespace end with the first, and leave no zombies", async () => {
  await using t = openTestTasks();
  const request = t.request(
    "c1",
    ["sh", "-c", "sleep 1000 & sleep 0 & exec sh -c 'sleep 1001 & exit 5'"],
    undefined,
    (spec) => {
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
    },
  );
  const task = await t.tasks.start("c1", request);
  assert.is((await task.wait()).status, 5);
  await task.delete();
  assert.equal(containerCgroups(t), []);
  await waitFor(() => processesNaming(t.namespace).length === 0);
});

test("the root of a user namespace, nobody on the host, gets to its files", async () => {
  await using t = openTestTasks();
  // Directories that mkdtemp made for root alone.
  for (const path of [join(t.path, ".."), t.path]) {
    const { mode } = statSync(path);
    if ((mode & 0o1) === 0) chmodSync(path, mode | 0o11);
  }
  const request = t.request("c1", ["sh", "-c", "id -u; cat /proc/self/uid_map"], { kind: "log" }, (spec) => {
    spec.linux.namespaces.push({ type: "user" });
    spec.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }];
  });
  const source = (request.spec as { root: { path: string } }).root.path;
  const spec = { ...request.spec, root: { path: "rootfs" } };
  const task = await t.tasks.start("c1", {
    ...request,
    spec,
    mounts: [{ type: "bind", source, options: ["rbind"] }],
  });
  assert.is((await task.wait()).status, 0);
  const log = Buffer.concat(await Array.fromAsync(task.readLog())).toString();
  assert.match(log, /^0\n\s+0\s+100000\s+1000\n$/);
  await task.delete();
});

test("a task that has ended needs no process: how it ended is on disk", async () => {
  await using t = openTestTasks();
  const begin = async (id: string) =>
    t.tasks.create(id, t.request(id, ["sh", "-c", "exit 4"], { kind: "log" }));
  const tasks = [await begin("c1"), await begin("c2")];
  for (const task of tasks) await task.start();
  await waitFor(() => processesNaming(t.path).length === 0);
  for (const task of tasks) {
    assert.is(await task.status(), "stopped");
    assert.is((await task.wait()).status, 4);
    assert.is((await task.delete()).status, 4);
  }
});

test("twenty tasks at once, made and deleted side by side", async () => {
  await using t = openTestTasks();
  const ids = Array.from({ length: 20 }, (_, index) => `c${index + 10}`);
  const statuses = await Promise.all(
    ids.map(async (id, index) => {
      const task = await t.tasks.start(id, t.request(id, ["sh", "-c", `exit ${index}`]));
      const { status } = await task.wait();
      assert.is((await task.delete()).status, status);
      return status;
    }),
  );
  assert.equal(
    statuses,
    ids.map((_, index) => index),
  );
  assert.equal(remains(t), []);
  assert.equal(containerCgroups(t), []);
  await waitFor(() => processesNaming(t.path).length === 0);
});

test("ids and namespaces that are no names are refused before they touch a path", async () => {
  await using t = openTestTasks();
  for (const id of ["", "..", "a/b", "a b", "x".repeat(77)]) {
    assert.ok(hasCode(await failureOf(t.tasks.get(id)), "InvalidArgument"));
    assert.ok(hasCode(await failureOf(t.tasks.create(id, t.request("c", ["true"]))), "InvalidArgument"));
  }
});

test("a task that is more than its prelaunch tells is refused, and nothing of it is left", async () => {
  await using t = openTestTasks();
  const attached = { kind: "attached" } as const;
  const plain = t.request("c1", ["true"], attached);
  const terminal = t.request("c1", ["true"], attached, (spec) => {
    spec.process.terminal = true;
  });
  const others = [
    terminal,
    { ...plain, io: { ...attached, fifoDir: t.path } },
    { ...plain, pidFile: join(t.path, "pid") },
    { ...plain, beforeStart: async () => {} },
  ];
  for (const request of others) {
    assert.ok(hasCode(await failureOf(t.tasks.run("c1", request, {})), "InvalidArgument"));
    assert.equal(remains(t), []);
  }
  assert.is((await (await t.tasks.run("c1", plain, {})).ended).status, 0);
  await waitFor(() => processesNaming(t.path).length === 0);
});

test.run();
