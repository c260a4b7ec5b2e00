import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cgroupsNamed } from "../support/cgroups.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { startPty } from "../support/pty.ts";
import { run } from "../support/run-program.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const UNIFIED = "/sys/fs/cgroup/unified";
const CRUN = ["--runc-binary", "crun"];

const test = suite("crun in place of runc");
let bench: Workbench;
let place: Bun.Subprocess<"pipe", "pipe", "inherit">;
/** What a command line begins with to be run where crun works. */
let prefix: string[];

/**
 * crun refuses a machine that has controllers in both versions of cgroups at once, as some have. Everything happens
 * in a mount namespace without the unified hierarchy there.
 */
test.before(async () => {
  bench = await openWorkbench();
  const isMixed =
    existsSync(`${UNIFIED}/cgroup.controllers`) &&
    readFileSync(`${UNIFIED}/cgroup.controllers`, "utf8") !== "\n";
  const script = `${isMixed ? `umount ${UNIFIED};` : ""} echo ready; exec cat`;
  place = Bun.spawn(["unshare", "--mount", "sh", "-c", script], { stdin: "pipe", stdout: "pipe" });
  await place.stdout.getReader().read();
  prefix = ["nsenter", `--mount=/proc/${place.pid}/ns/mnt`, "--", ctrExecutable];
});
test.after(async () => {
  await bench?.[Symbol.asyncDispose]();
  place?.kill("SIGKILL");
  await place?.exited;
});

const ctr = (line: string, options: { stdin?: string } = {}) => {
  const words = line.split(" ").map((word) => (word === "IMAGE" ? bench.image : word.replaceAll("_", " ")));
  return run([...prefix, ...words], { env: bench.ctr.env, timeoutMs: 20_000, ...options });
};
const runs = async (line: string, options?: { stdin?: string }) => {
  const { code, stdout, stderr } = await ctr(line, options);
  assert.is(code, 0, `${line}: ${stdout}${stderr}`);
  return stdout;
};

test("runs, with stdin, exit status and limits", async () => {
  assert.is((await ctr("run --rm --runc-binary crun IMAGE c1 sh -c exit_7")).code, 7);
  assert.is(await runs("run --rm --runc-binary crun IMAGE c1 cat", { stdin: "through" }), "through");
  const flags = "--memory-limit 10000000 --seccomp --read-only --hostname box --privileged";
  const script = "hostname;_grep_Seccomp:_/proc/self/status;_touch_/x_2>/dev/null_||_echo_read-only";
  const printed = await runs(`run --rm --runc-binary crun ${flags} IMAGE c1 sh -c ${script}`);
  assert.is(printed, "box\nSeccomp:\t2\nread-only\n");
});

test("says in crun's words what is not there, and leaves nothing", async () => {
  const { code, stderr } = await ctr("run --rm --runc-binary crun IMAGE c1 nosuch");
  assert.is(code, 1);
  assert.match(
    stderr,
    /ctr: failed to create shim task: OCI runtime create failed: executable file `nosuch` not found/,
  );
  assert.is(await runs("containers ls -q"), "");
});

test("executes, pauses, resumes, measures, kills, deletes and starts again", async () => {
  await runs("run -d --runc-binary crun IMAGE c1 tail -f /dev/null");
  assert.is(await runs("tasks exec c1 echo inside"), "inside\n");
  assert.is((await ctr("tasks exec c1 sh -c exit_3")).code, 3);
  const missing = await ctr("tasks exec c1 nosuch");
  assert.match(
    `${missing.code} ${missing.stderr}`,
    /^1 [\s\S]*OCI runtime exec failed: executable file `nosuch`/,
  );
  await runs("tasks pause c1");
  assert.match(await runs("tasks ls"), /^c1 +\d+ +PAUSED$/m);
  assert.match((await ctr("tasks exec c1 true")).stderr, "cannot exec in a paused state");
  await runs("tasks resume c1");
  assert.match(await runs("tasks ps c1"), /^PID +INFO\n\d+ +-\n$/);
  assert.match(await runs("tasks metrics c1"), /^pids\.current +1 +$/m);
  await runs("tasks kill --all -s KILL c1");
  // The exec that failed left an orphan in the container's pid namespace, whose init waits for it to be reaped.
  assert.is((await ctr("tasks wait c1")).code, 137);
  await runs("tasks delete c1");
  await runs("tasks start -d c1");
  assert.match(await runs("tasks ls"), /^c1 +\d+ +RUNNING$/m);
  await runs("tasks delete --force c1");
  await runs("containers delete c1");
});

for (const kill of ["tasks kill -s KILL c1", "tasks kill --all -s KILL c1", "tasks delete --force c1"]) {
  test(`${kill}: ends a paused container too`, async () => {
    await runs("run -d --runc-binary crun IMAGE c1 tail -f /dev/null");
    await runs("tasks pause c1");
    await runs(kill);
    if (!kill.includes("delete")) assert.is((await ctr("tasks wait c1")).code, 137);
    await runs("containers delete c1");
  });
}

test("gives it a terminal", async () => {
  const command = [
    ...prefix,
    "run",
    "--rm",
    "-t",
    ...CRUN,
    bench.image,
    "c1",
    "sh",
    "-c",
    "tty; stty size; read x; exit 5",
  ];
  await using pty = startPty(command, { env: bench.ctr.env, columns: 91, rows: 33 });
  await pty.waitForOutput(/\/dev\/pts\/0\r\n33 91\r\n/);
  pty.write("\r");
  assert.is(await pty.exited, 5);
});

test("leaves no state, no bundle and no cgroup", async () => {
  const { state, namespace } = bench.ctr;
  const remains = () => ["runc", "tasks"].flatMap((part) => readdirSync(join(state, part, namespace)));
  await waitFor(() => remains().length === 0, { what: "the end of the last removal" });
  assert.equal(
    cgroupsNamed(namespace).filter((path) => !path.endsWith(namespace)),
    [],
  );
});

test.run();
