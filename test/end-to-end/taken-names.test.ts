import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openLockFile } from "../../src/files/lock-file.ts";
import { askSupervisor } from "../../src/runtime/supervisor-call.ts";
import { openTestTasks, remains } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("a task's name, while who had it is not done");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const saysNo = `while [ "$1" != --log ]; do shift; done
echo '{"level":"error","msg":"no, thank you"}' >"$2"
exit 1
`;
const REASON = "failed to create shim task: OCI runtime create failed: no, thank you: unknown";

function writeRuntime(path: string, script: string): string {
  writeFileSync(path, `#!/bin/sh\n${script}`, { mode: 0o755 });
  return path;
}

test("a client that hears late of its failure leaves the next task of that name alone", async () => {
  const { ctr, image, directory } = bench;
  const failed = directory.join("failed");
  // The first time it stops the client, which is the parent of its own parent, and fails.
  const runtime = writeRuntime(
    directory.join("runtime"),
    `[ -e ${failed} ] && exec runc "$@"
client=$(sed -n "s/^PPid:[^0-9]*//p" /proc/$PPID/status)
kill -STOP $client && touch ${failed}
${saysNo}`,
  );
  await ctr.ok("containers", "create", "--runc-binary", runtime, image, "box", "sleep", "1000");
  const client = ctr.start(["tasks", "start", "-d", "box"]);
  const bundle = join(ctr.state, "tasks", ctr.namespace, "box");
  await waitFor(() => existsSync(failed) && !existsSync(bundle), { what: "the removal of what failed" });
  await ctr.ok("tasks", "start", "-d", "box");
  client.kill("SIGCONT");
  assert.is(await client.exited, 1);
  assert.is(await client.stderr.text(), `ctr: ${REASON}\n`);
  assert.match(await ctr.ok("tasks", "list"), /box +\d+ +RUNNING/);
  await ctr.ok("tasks", "delete", "--force", "box");
  await ctr.ok("containers", "delete", "box");
});

test("Ctrl-C ends the wait for one that another client is making a task of", async () => {
  const { ctr, image } = bench;
  const [layer] = (await ctr.ok("snapshots", "list")).match(/sha256:\w+/)!;
  const lock = await openLockFile(join(ctr.root, "locks", `unpack-native-${layer!.replace(":", "_")}`));
  const first = ctr.start(["run", "--snapshotter", "native", image, "box", "echo", "first"]);
  await waitFor(() => existsSync(join(ctr.state, "tasks", ctr.namespace, "box")));
  const second = ctr.start(["run", image, "box", "echo", "second"]);
  await waitFor(async () => (await ctr.ok("containers", "list", "-q")) === "box\n");
  second.kill("SIGINT");
  assert.is(await second.stderr.text(), "ctr: interrupted: canceled\n");
  assert.is(await ctr.ok("containers", "list", "-q"), "");
  lock.remove();
  assert.equal([await first.stdout.text(), await first.exited], ["first\n", 0]);
  await ctr.ok("containers", "delete", "box");
});

test("it stays a client's that still makes the container when the runtime, begun ahead, has failed", async () => {
  await using t = openTestTasks();
  const binary = writeRuntime(join(t.path, "runtime"), saysNo);
  const made = Promise.withResolvers<ReturnType<typeof t.request>>();
  const running = t.tasks.run("c1", made.promise, { runtime: { binary } });
  running.catch(() => {});
  const creation = () => askSupervisor({ path: t.bundle("c1") }, { op: "wait" });
  const failure = await waitFor(() => creation().catch(({ message }) => /no, thank you/.test(message)));
  assert.ok(failure);
  // By then its bundle would have been removed.
  await (await t.tasks.start("c2", t.request("c2", ["true"]))).wait();
  await (await t.tasks.get("c2")).delete();
  assert.ok(existsSync(t.bundle("c1")));
  made.resolve(t.request("c1", ["true"], { kind: "attached" }));
  const reason = await running.then(
    () => "none",
    ({ message }) => message,
  );
  assert.is(reason, REASON);
  assert.equal(remains(t), []);
});

test.run();
