import { chmodSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../../support/ctr.ts";
import { startPty } from "../../support/pty.ts";
import { waitFor } from "../../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("run and tasks");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const leftovers = async () => `${await bench.ctr.ok("c", "ls", "-q")}${await bench.ctr.ok("t", "ls", "-q")}`;

test("run IMAGE -- COMMAND makes up an id, and tells it when nobody else can know it", async () => {
  const { ctr, image } = bench;
  assert.is(await ctr.ok("run", "--rm", image, "--", "echo", "--rm", "-x"), "--rm -x\n");
  assert.is(await leftovers(), "");
  const id = (await ctr.ok("run", "-d", image, "--", "sleep", "1000")).trim();
  assert.is(await ctr.ok("tasks", "ls", "-q"), `${id}\n`);
  await ctr.ok("tasks", "delete", "--force", id);
  await ctr.ok("containers", "delete", id);
});

test("containers create tells the id it made up, and drops a -- before the command", async () => {
  const { ctr, image } = bench;
  const id = (await ctr.ok("containers", "create", image)).trim();
  assert.is(await ctr.ok("containers", "ls", "-q"), `${id}\n`);
  await ctr.ok("containers", "create", "--label", "a=b", image, "named", "--", "sh", "-c", "echo from $0");
  assert.is(await ctr.ok("tasks", "start", "named"), "from sh\n");
  const info = JSON.parse(await ctr.ok("containers", "info", "named"));
  assert.equal(info.Spec.process.args, ["sh", "-c", "echo from $0"]);
  assert.is(info.Labels.a, "b");
  assert.equal(info.Runtime, {
    Name: "io.containerd.runc.v2",
    Options: { type_url: "containerd.runc.v1.Options" },
  });
  await ctr.ok("containers", "delete", id, "named");
});

test("flags may stand between image and id, and belong to the command after it", async () => {
  const { ctr, image } = bench;
  const printed = await ctr.ok(
    "run",
    "--rm",
    image,
    "--env",
    "A=1",
    "between",
    "sh",
    "-c",
    "echo $A $0",
    "--rm",
  );
  assert.is(printed, "1 --rm\n");
  assert.is(await leftovers(), "");
});

test("null-io and log-uri run in the foreground, without leaving anything with --rm", async () => {
  const { ctr, image, directory } = bench;
  const silent = await ctr("run", "--rm", "--null-io", image, "silent", "sh", "-c", "echo lost; exit 5");
  assert.is(`${silent.code}${silent.stdout}${silent.stderr}`, "5");
  const log = directory.join("log");
  await ctr.ok("run", "--rm", "--log-uri", `file://${log}`, image, "logged", "echo", "kept");
  assert.is(readFileSync(log, "utf8"), "kept\n");
  const bad = await ctr("run", "--rm", "--log-uri", "x:///a", image, "bad", "true");
  assert.is(bad.code, 1);
  assert.match(bad.stderr, /^ctr: .*unknown STDIO scheme x/);
  assert.is(await leftovers(), "");
});

test("tasks logs gives all, the last lines, or what comes until the end", async () => {
  const { ctr, image } = bench;
  const script =
    "for i in 1 2 3 4; do echo line $i; done; while ! test -e /end; do sleep 0.02; done; echo last";
  await ctr.ok("run", "-d", image, "talks", "sh", "-c", script);
  await waitFor(async () => (await ctr("tasks", "logs", "talks")).stdout.endsWith("line 4\n"), {
    what: "its output",
  });
  assert.is(await ctr.ok("tasks", "logs", "--tail", "2", "talks"), "line 3\nline 4\n");
  assert.is(await ctr.ok("tasks", "logs", "--tail", "0", "talks"), "");
  assert.is(await ctr.ok("tasks", "logs", "--tail", "100", "talks"), "line 1\nline 2\nline 3\nline 4\n");
  const following = ctr.start(["tasks", "logs", "-f", "--tail", "1", "talks"]);
  await ctr.ok("tasks", "exec", "talks", "touch", "/end");
  assert.is(await following.stdout.text(), "line 4\nlast\n");
  assert.is(await following.exited, 0);
  await ctr.ok("containers", "delete", "talks");
  assert.is(await leftovers(), "");
});

test("dump-config writes the spec before the container starts; a file that cannot be is a failure without traces", async () => {
  const { ctr, image, directory } = bench;
  const file = directory.join("spec.json");
  await ctr.ok("run", "--dump-config", file, image, "dumped", "true");
  const text = readFileSync(file, "utf8");
  assert.match(text, '{\n  "ociVersion"');
  assert.equal(JSON.parse(text), JSON.parse(await ctr.ok("containers", "info", "--spec", "dumped")));
  await ctr.ok("containers", "delete", "dumped");
  const failed = await ctr("run", "--dump-config", "/nosuch/spec.json", image, "dumped", "true");
  assert.is(failed.code, 1);
  assert.match(failed.stderr, /^ctr: .*\/nosuch\/spec\.json.*no such file or directory\n$/);
  assert.is(await leftovers(), "");
  assert.not.match(await ctr.ok("snapshots", "list"), "dumped");
});

test("a signal to a foreground run without streams reaches the container", async () => {
  const { ctr, image } = bench;
  const script = "trap 'exit 9' TERM; touch /trapping; while :; do sleep 0.05; done";
  const running = ctr.start(["run", "--rm", "--null-io", image, "trapping", "sh", "-c", script]);
  const isReady = async () => (await ctr("t", "exec", "trapping", "test", "-e", "/trapping")).code === 0;
  await waitFor(isReady, { what: "the running task" });
  running.kill("SIGTERM");
  assert.is(await running.exited, 9);
  assert.is(await leftovers(), "");
});

test("what cannot go together is refused before anything is made", async () => {
  const { ctr, image } = bench;
  const said = async (...words: string[]) => (await ctr("run", ...words)).stderr;
  assert.is(
    await said("-d", "--rm", image, "x"),
    "ctr: flags --detach and --rm cannot be specified together\n",
  );
  assert.is(await said("-t", "--null-io", image, "x"), "ctr: tty and null-io cannot be used together\n");
  assert.is(await said("--config", "f", "x", "y"), CONFIG_ALONE);
  assert.match(await said("--runc-systemd-cgroup", image, "x"), /requires --cgroup to be set/);
  assert.match(
    await said("--runtime", "other", "--runc-binary", "crun", image, "x"),
    /runc-binary and runc-systemd-cgroup is only supported/,
  );
  assert.is(await leftovers(), "");
});

const CONFIG_ALONE = "ctr: with spec config file, only container id should be provided: invalid argument\n";

test("a directory is a root with --rootfs, and a spec from oci spec runs with --config", async () => {
  const { ctr, directory } = bench;
  const rootfs = directory.join("rootfs");
  const busybox = Bun.which("busybox");
  assert.ok(busybox, "busybox is needed");
  await Bun.write(directory.join("rootfs", "bin", "echo"), Bun.file(busybox));
  chmodSync(directory.join("rootfs", "bin", "echo"), 0o755);
  assert.is(await ctr.ok("run", "--rm", "--rootfs", rootfs, "rooted", "/bin/echo", "hi"), "hi\n");

  const spec = JSON.parse(await ctr.ok("oci", "spec"));
  spec.process.args = ["/bin/echo", "configured"];
  spec.root.path = rootfs;
  await Bun.write(directory.join("spec.json"), JSON.stringify(spec));
  const config = directory.join("spec.json");
  assert.is(await ctr.ok("run", "--rm", "--config", config, "configured"), "configured\n");
  assert.is(await leftovers(), "");
});

test("a detached task's output is kept for tasks logs, and followed to its end", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "talking", "sh", "-c", "echo one; sleep 0.3; echo two");
  assert.is(await ctr.ok("tasks", "logs", "-f", "talking"), "one\ntwo\n");
  assert.is((await ctr("tasks", "wait", "talking")).code, 0);
  assert.is(await ctr.ok("tasks", "logs", "talking"), "one\ntwo\n");
  await ctr.ok("tasks", "delete", "talking");
  await ctr.ok("containers", "delete", "talking");
});

test("tasks: exec in every way, ps, pause, kill and delete", async () => {
  const { ctr, image, directory } = bench;
  await ctr.ok("run", "-d", image, "server", "sleep", "1000");
  assert.is((await ctr("tasks", "exec", "server", "sh", "-c", "exit 6")).code, 6);
  assert.is(await ctr.ok("tasks", "exec", "--cwd", "/tmp", "server", "pwd"), "/tmp\n");

  const log = directory.join("exec-log");
  assert.is((await ctr("tasks", "exec", "--log-uri", `file://${log}`, "server", "echo", "hi")).code, 0);
  assert.is(readFileSync(log, "utf8"), "hi\n");

  const made = (await ctr.ok("tasks", "exec", "-d", "server", "sleep", "1000")).trim();
  const processes = JSON.parse(await ctr.ok("tasks", "ps", "-o", "json", "server"));
  assert.equal(processes.map(({ execId }: { execId: string | null }) => execId).sort(), [made, null].sort());
  assert.match(await ctr.ok("tasks", "ps", "server"), `&ProcessDetails{ExecID:${made},XXX_unrecognized:[],}`);
  await ctr.ok("tasks", "kill", "-s", "9", "--exec-id", made, "server");
  assert.is((await ctr("tasks", "wait", "--exec-id", made, "server")).code, 137);
  assert.is((await ctr("tasks", "delete", "--exec-id", made, "server")).code, 137);

  await ctr.ok("tasks", "pause", "server");
  const [listed] = JSON.parse(await ctr.ok("tasks", "ls", "-o", "json"));
  assert.equal(Object.keys(listed), ["id", "pid", "status", "addresses"]);
  assert.is(listed.status, "paused");
  await ctr.ok("tasks", "resume", "server");

  const killed = await ctr("tasks", "delete", "-f", "server", "nosuch");
  assert.is(killed.code, 1);
  assert.match(killed.stderr, /^ctr: warning: task server exit with non-zero exit code 137\n/);
  assert.match(killed.stderr, /\nctr: container "nosuch" .*: not found\n$/);
  await ctr.ok("containers", "delete", "server");
});

test("a terminal of the caller's becomes the container's", async () => {
  const { ctr, image } = bench;
  await using terminal = startPty([ctrExecutable, "run", "--rm", "-t", image, "shell"], {
    env: { ...ctr.env },
    columns: 91,
    rows: 33,
  });
  await terminal.waitForOutput("/ # ");
  terminal.write("stty size; exit 4\r");
  assert.is(await terminal.exited, 4);
  assert.match(terminal.output(), /33 91/);
  const without = await ctr("run", "--rm", "-t", image, "shell");
  assert.is(without.code, 1);
  assert.match(without.stderr, /^ctr: .*terminal.*\n$/);
  assert.is(await leftovers(), "");
});

test("tasks attach joins a running task and answers its status", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "reading", "sh", "-c", "read line; echo got $line; exit 8");
  const { code, stdout, stderr } = await ctr.with({ stdin: "words\n" })("tasks", "attach", "reading");
  assert.is(`${stdout}${stderr}`, "got words\n");
  assert.is(code, 8);
  await ctr.ok("containers", "delete", "reading");
});

test.run();
