import { suite } from "uvu";
import * as assert from "uvu/assert";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("ctr run");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

test("answers the command's exit status", async () => {
  const { ctr, image } = bench;
  const { code, stdout, stderr } = await ctr("run", "--rm", image, "seven", "sh", "-c", "exit 7");
  assert.is(code, 7);
  assert.is(stdout + stderr, "");
});

test("answers 128 and the signal for a container that a signal ended", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", "--rm", image, "killed", "sh", "-c", "echo up; exec sleep 1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), {
    what: "the running task",
  });
  await ctr.ok("tasks", "kill", "--signal", "KILL", "killed");
  assert.is(await running.exited, 137);
});

test("hands stdin to the command, and its end", async () => {
  const { ctr, image } = bench;
  const { code, stdout } = await ctr.with({ stdin: "x" })("run", "--rm", image, "reader", "cat");
  assert.is(code, 0);
  assert.is(stdout, "x");
});

test("keeps stdout and stderr apart", async () => {
  const { ctr, image } = bench;
  const { stdout, stderr } = await ctr("run", "--rm", image, "both", "sh", "-c", "echo out; echo err >&2");
  assert.is(stdout, "out\n");
  assert.is(stderr, "err\n");
});

test("leaves the container without --rm, and nothing with it", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", image, "kept", "true");
  assert.is(await ctr.ok("containers", "list", "-q"), "kept\n");
  assert.is(await ctr.ok("tasks", "list", "-q"), "");
  await ctr.ok("containers", "delete", "kept");
  await ctr.ok("run", "--rm", image, "gone", "true");
  assert.is(await ctr.ok("containers", "list", "-q"), "");
  assert.not.match(await ctr.ok("snapshots", "list"), /gone|kept/);
});

test("gives a container a name where none is given, and pulls what is missing", async () => {
  const { ctr, image } = bench;
  const elsewhere = { ...ctr.env, CONTAINERD_NAMESPACE: `${ctr.namespace}-fresh` };
  const { code, stdout, stderr } = await ctr.with({ env: elsewhere, stdin: "echo hello\n" })(
    "run",
    "--rm",
    image,
  );
  assert.is(`${code} ${stdout} ${stderr}`, "0 hello\n ");
});

test("does not start what is not in the image, says so in one line, and leaves nothing with --rm", async () => {
  const { ctr, image } = bench;
  const { code, stderr } = await ctr("run", "--rm", image, "absent", "no-such-program");
  assert.is(code, 1);
  assert.match(stderr, /^ctr: .*exec: "no-such-program": executable file not found in \$PATH.*\n$/);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test("detaches, executes inside, kills and deletes", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "server", "sleep", "1000");
  assert.match(await ctr.ok("tasks", "list"), /^TASK +PID +STATUS +\nserver +\d+ +RUNNING\n$/);
  assert.is(await ctr.ok("tasks", "exec", "--exec-id", "e1", "server", "echo", "inside"), "inside\n");
  assert.is((await ctr("tasks", "exec", "server", "sh", "-c", "exit 3")).code, 3);
  const busy = await ctr("containers", "delete", "server");
  assert.is(busy.code, 1);
  assert.match(busy.stderr, /cannot delete a non stopped container/);
  await ctr.ok("tasks", "kill", "-s", "KILL", "server");
  assert.is((await ctr("tasks", "wait", "server")).code, 137);
  await ctr.ok("tasks", "delete", "server");
  await ctr.ok("containers", "delete", "server");
  assert.is(await ctr.ok("tasks", "list", "-q"), "");
});

test("runs as the user, in the directory, with the environment and host name asked for", async () => {
  const { ctr, image } = bench;
  const flags = ["--user", "www", "--cwd", "/tmp", "--env", "GREETING=hi there", "--hostname", "box"];
  const script = "id -u; id -g; pwd; echo $GREETING; hostname";
  assert.is(
    await ctr.ok("run", "--rm", ...flags, image, "dressed", "sh", "-c", script),
    "1000\n1001\n/tmp\nhi there\nbox\n",
  );
});

test("mounts, and keeps a read-only root read-only", async () => {
  const { ctr, image, directory } = bench;
  await Bun.write(directory.join("shared", "note"), "from the host");
  const mount = `type=bind,src=${directory.join("shared")},dst=/mnt,options=rbind:ro`;
  const script = "cat /mnt/note; touch /file 2>/dev/null || echo ' read-only'";
  const words = ["run", "--rm", "--read-only", "--mount", mount, image, "mounted", "sh", "-c", script];
  assert.is(await ctr.ok(...words), "from the host read-only\n");
});

test("gives only the standard streams to the container (CVE-2024-21626)", async () => {
  const { ctr, image } = bench;
  const listing = await ctr.ok("run", "--rm", image, "fds", "sh", "-c", "ls /proc/1/fd; true");
  assert.equal(listing.trim().split("\n"), ["0", "1", "2"]);
});

test.run();
