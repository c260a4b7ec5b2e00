import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cgroupsNamed } from "../support/cgroups.ts";
import { mountsBelow } from "../support/mounts.ts";
import { isAlive, processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

// Records of another version, torn ones and garbage made commands fail with words of JavaScript's, and what they stood
// for could not be removed.

const ID = "box";
const GARBAGE = [
  "",
  "{",
  "null",
  "[]",
  '"text"',
  "{}",
  '{"pid":"1","startTicks":null,"mounts":{},"runc":[]}',
];
const ONE_LINE = /^ctr: [^\n]+\n$/;
const OF_JAVASCRIPT = /undefined|null|not an object|JSON|TypeError|SyntaxError/;

const test = suite("damaged records");
let bench: Workbench;
let bundle: string;
test.before(async () => {
  bench = await openWorkbench();
  bundle = join(bench.ctr.state, "tasks", bench.ctr.namespace, ID);
});
test.after.each(async () => {
  await bench.ctr("tasks", "delete", "--force", ID);
  await bench.ctr("containers", "delete", ID);
});
test.after(async () => bench?.[Symbol.asyncDispose]());

async function assertOneLine(...words: string[]): Promise<string> {
  const { code, stderr } = await bench.ctr(...words);
  assert.not.equal(code, 0, `${words.join(" ")} succeeded`);
  assert.match(stderr, ONE_LINE, words.join(" "));
  assert.not.match(stderr, OF_JAVASCRIPT, words.join(" "));
  return stderr;
}

async function startTask(): Promise<{ pid: number; supervisor: number }> {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, ID, "sleep", "1000");
  const { pid } = JSON.parse(readFileSync(join(bundle, "init.json"), "utf8"));
  const supervisor = processesNaming(bundle).find(({ command }) => command.endsWith(bundle))!.pid;
  return { pid, supervisor };
}

async function kill(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await waitFor(() => !isAlive(pid));
}

/** Nothing is left of the task, nor, once it is deleted, of the container. */
async function assertGone(pid: number): Promise<void> {
  const { ctr } = bench;
  await waitFor(() => !isAlive(pid), { what: "the end of the first process" });
  await waitFor(() => processesNaming(bundle).length === 0, { what: "the end of the supervisor" });
  assert.is(await ctr.ok("tasks", "list", "-q"), "");
  assert.equal(readdirSync(join(ctr.state, "tasks", ctr.namespace)), []);
  assert.equal(readdirSync(join(ctr.state, "runc", ctr.namespace)), []);
  assert.equal(mountsBelow(bundle), []);
  assert.equal(
    cgroupsNamed(ID).filter((path) => path.includes(ctr.namespace)),
    [],
  );
  await ctr.ok("containers", "delete", ID);
}

for (const isSupervised of [true, false]) {
  const whose = isSupervised ? "with its supervisor" : "without its supervisor";
  for (const file of ["init.json", "task.json"]) {
    test(`${file}: a task that runs, ${whose}, is told in one line and goes by force`, async () => {
      const { ctr } = bench;
      for (const garbage of GARBAGE) {
        const { pid, supervisor } = await startTask();
        if (!isSupervised) await kill(supervisor);
        writeFileSync(join(bundle, file), garbage);
        const listed = JSON.parse(await ctr.ok("tasks", "list", "-o", "json"));
        assert.equal(
          listed.map(({ id, status }: { id: string; status: string }) => [id, status]),
          [[ID, file === "init.json" ? "unknown" : "running"]],
        );
        await assertOneLine("tasks", "start", ID);
        await assertOneLine("tasks", "delete", ID);
        await assertOneLine("containers", "delete", ID);
        await assertOneLine("tasks", "exec", "--exec-id", "one", ID, "never");
        if (file === "init.json") {
          assert.match(await assertOneLine("tasks", "kill", ID), /ctr tasks delete --force box/);
          assert.match(await assertOneLine("tasks", "pause", ID), /ctr tasks delete --force box/);
        }
        await ctr.ok("system", "prune");
        assert.ok(isAlive(pid), "nobody asked for its end");
        await ctr.ok("tasks", "delete", "--force", ID);
        await assertGone(pid);
      }
    });
  }
}

test("task.json: a task that has ended goes with its container", async () => {
  const { ctr } = bench;
  for (const garbage of GARBAGE) {
    const { pid, supervisor } = await startTask();
    writeFileSync(join(bundle, "task.json"), garbage);
    await ctr.ok("tasks", "kill", "-s", "KILL", ID);
    await waitFor(() => !isAlive(supervisor), { what: "the end of the supervisor" });
    await ctr.ok("containers", "delete", ID);
    assert.not.ok(isAlive(pid));
    assert.equal(readdirSync(join(ctr.state, "tasks", ctr.namespace)), []);
    assert.equal(mountsBelow(bundle), []);
  }
});

test("task.json of a version that counted mounts: the task goes, and its log with it", async () => {
  const { ctr } = bench;
  const { supervisor } = await startTask();
  const { mounts, ...record } = JSON.parse(readFileSync(join(bundle, "task.json"), "utf8"));
  writeFileSync(join(bundle, "task.json"), JSON.stringify({ ...record, mountCount: mounts.length }));
  await ctr.ok("tasks", "kill", "-s", "KILL", ID);
  await waitFor(() => !isAlive(supervisor), { what: "the end of the supervisor" });
  const { code, stderr } = await ctr("tasks", "delete", ID);
  assert.equal([code, stderr], [0, `ctr: warning: task ${ID} exit with non-zero exit code 137\n`]);
  assert.equal(mountsBelow(bundle), []);
  assert.equal(readdirSync(join(ctr.root, "logs", ctr.namespace)), []);
  await ctr.ok("containers", "delete", ID);
});

test("exit.json: the task has ended, nobody can tell how, and it goes", async () => {
  const { ctr } = bench;
  for (const garbage of GARBAGE) {
    const { supervisor } = await startTask();
    await ctr.ok("tasks", "kill", "-s", "KILL", ID);
    await waitFor(() => !isAlive(supervisor), { what: "the end of the supervisor" });
    writeFileSync(join(bundle, "exit.json"), garbage);
    assert.match(await ctr.ok("tasks", "list"), /box +\d+ +STOPPED/);
    const { code, stderr } = await ctr("tasks", "delete", ID);
    assert.equal([code, stderr], [0, `ctr: warning: task ${ID} exit with non-zero exit code 255\n`]);
    assert.equal(mountsBelow(bundle), []);
    await ctr.ok("containers", "delete", ID);
  }
});

test("exec.json: the exec is removed by its name, and the task works on", async () => {
  const { ctr } = bench;
  const { pid } = await startTask();
  for (const garbage of GARBAGE) {
    const directory = join(bundle, "execs/odd");
    await ctr.ok("tasks", "exec", "-d", "--exec-id", "odd", ID, "true");
    await waitFor(() => existsSync(join(directory, "exit.json")), { what: "the end of the exec" });
    writeFileSync(join(directory, "exec.json"), garbage);
    assert.match(await ctr.ok("tasks", "ps", ID), new RegExp(`^${pid} `, "m"));
    await assertOneLine("tasks", "kill", "--exec-id", "odd", ID);
    assert.is(await ctr.ok("tasks", "exec", "--exec-id", "one", ID, "echo", "works"), "works\n");
    await ctr.ok("tasks", "delete", "--exec-id", "odd", ID);
    assert.not.ok(existsSync(directory));
  }
  await ctr.ok("tasks", "delete", "--force", ID);
  await assertGone(pid);
});

test("attached.json: whoever attaches begins at the log's beginning", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, ID, "sh", "-c", "echo first; cat");
  for (const garbage of GARBAGE) {
    writeFileSync(join(bundle, "attached.json"), garbage);
    const attached = ctr.start(["tasks", "attach", ID]);
    for await (const chunk of attached.stdout) if (Buffer.from(chunk).includes("first")) break;
    attached.kill("SIGKILL");
    await attached.exited;
  }
  await ctr.ok("tasks", "delete", "--force", ID);
  await ctr.ok("containers", "delete", ID);
});

test.run();
