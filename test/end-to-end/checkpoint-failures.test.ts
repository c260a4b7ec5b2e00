import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { criuTest } from "../support/criu.ts";
import { type Ctr, ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { isAlive, processesNaming } from "../support/processes.ts";
import type { TempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

const check = criuTest();

/** Of the many steps of a checkpoint. */
const KILLS = 12;

const status = async (ctr: Ctr, id: string): Promise<string | undefined> =>
  JSON.parse(await ctr.ok("tasks", "list", "-o", "json")).find((task: { id: string }) => task.id === id)
    ?.status;

/** No image beside the given one, no directory of criu's, and a task that runs. */
async function assertUntouched(ctr: Ctr, image: string): Promise<void> {
  assert.is(await ctr.ok("images", "list", "-q"), `${image}\n`);
  const images = `${ctr.root}/work`;
  assert.equal(existsSync(images) ? readdirSync(images) : [], []);
  assert.is(await status(ctr, "c"), "running");
}

check("what criu cannot write down is said in its words, and the task goes on", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const script =
    "ip link set lo up; nc -l -p 99 -e cat & until nc 127.0.0.1 99 -e tail -f /dev/null; do :; done";
  await ctr.ok("run", "-d", image, "c", "sh", "-c", script);
  await waitFor(async () => (await ctr.ok("tasks", "exec", "c", "netstat", "-tn")).includes("ESTABLISHED"));
  const work = directory.join("work");
  for (const words of [
    ["containers", "checkpoint", "--image", "--rw", "--task", "c", "never:1"],
    ["tasks", "checkpoint", "--exit", "--work-path", work, "c"],
  ]) {
    const { code, stdout, stderr } = await ctr(...words);
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, /^ctr: checkpoint failed: criu failed: [^\n]*Connected TCP socket[^\n]*\n$/);
    await assertUntouched(ctr, image);
  }
  assert.match(readFileSync(`${work}/dump.log`, "utf8"), /Dumping FAILED/);
  await ctr.ok("tasks", "delete", "--force", "c");
});

check("a missing criu is named with its package, for checkpoint and restore", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const bin = directory.join("bin", "runc");
  symlinkSync(Bun.which("runc")!, bin);
  const env = { PATH: dirname(bin) };
  await ctr.ok("run", "-d", image, "c", "tail", "-f", "/dev/null");
  const wanted =
    /^ctr: [^\n]*criu in PATH \([^\n]*\): not found \(install it with: apt-get install criu\)\n$/;
  const made = await ctr.with({ env })("containers", "checkpoint", "--task", "c", "never:1");
  assert.is(made.code, 1);
  assert.match(made.stderr, wanted);
  await assertUntouched(ctr, image);
  await ctr.ok("containers", "checkpoint", "--task", "c", "saved:1");
  const restored = await ctr.with({ env })("containers", "restore", "--live", "d", "saved:1");
  assert.is(restored.code, 1);
  assert.match(restored.stderr, wanted);
  assert.is(await ctr.ok("containers", "list", "-q"), "c\n");
  await ctr.ok("tasks", "delete", "--force", "c");
});

/** criu itself, which waits before it begins. */
function slowCriu(directory: TempDir) {
  const gate = directory.join("gate");
  const slow = directory.join("bin", "criu");
  const wait = `[ "$1" != swrk ] || [ -e '${gate}.reached' ] || { : >'${gate}.reached'; read -r _ <'${gate}'; }`;
  writeFileSync(
    slow,
    `#!/bin/sh\n${wait}\nexec '${Bun.which("criu", { PATH: process.env.PATH ?? "" })}' "$@"\n`,
  );
  chmodSync(slow, 0o755);
  assert.is(Bun.spawnSync(["mkfifo", gate]).exitCode, 0);
  return {
    path: `${dirname(slow)}:${process.env.PATH}`,
    reached: () => waitFor(() => existsSync(`${gate}.reached`)),
    go: () => writeFileSync(gate, "go\n"),
  };
}

check(
  "a client that is killed while criu works leaves no frozen task, no image, and nothing that stays",
  async () => {
    await using bench = await openWorkbench();
    const { ctr, directory, image } = bench;
    const criu = slowCriu(directory);
    await ctr.ok("run", "-d", image, "c", "tail", "-f", "/dev/null");
    const words = ["containers", "checkpoint", "--image", "--rw", "--task", "c", "never:1"];
    const client = ctr.start(words, { env: { PATH: criu.path } });
    await criu.reached();
    assert.is(await status(ctr, "c"), "paused");
    client.kill("SIGKILL");
    await client.exited;
    await waitFor(async () => (await status(ctr, "c")) === "running");
    criu.go();
    assert.is(await ctr.ok("images", "list", "-q"), `${image}\n`);
    assert.is(await ctr.ok("tasks", "exec", "c", "echo", "alive"), "alive\n");
    // What it was writing is nobody's by now.
    await waitFor(async () => {
      await ctr.ok("system", "check", "--repair");
      return readdirSync(`${ctr.root}/work`).length === 0;
    });
    await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "after:1");
    await ctr.ok("tasks", "delete", "--force", "c");
  },
);

check(
  "a supervisor that is killed meanwhile leaves no frozen task either, and the checkpoint is whole",
  async () => {
    await using bench = await openWorkbench();
    const { ctr, directory, image } = bench;
    const criu = slowCriu(directory);
    await ctr.ok("run", "-d", image, "c", "tail", "-f", "/dev/null");
    const words = ["containers", "checkpoint", "--image", "--rw", "--task", "c", "whole:1"];
    const client = ctr.start(words, { env: { PATH: criu.path } });
    await criu.reached();
    const [supervisor] = processesNaming(ctr.state).filter(({ command }) => command.includes("_supervise"));
    process.kill(supervisor!.pid, "SIGKILL");
    await waitFor(() => !isAlive(supervisor!.pid));
    criu.go();
    assert.is(await client.exited, 0, await new Response(client.stderr).text());
    assert.is(await status(ctr, "c"), "running");
    await ctr.ok("tasks", "delete", "--force", "c");
    await ctr.ok("containers", "restore", "--rw", "--live", "d", "whole:1");
    await ctr.ok("tasks", "delete", "--force", "d");
  },
);

check("killed at any step, it leaves a task that runs and either no image or a whole one", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  await ctr.ok("run", "-d", "--null-io", image, "c", "tail", "-f", "/dev/null");
  const killer = createStepKiller(directory.path, { isClientAlone: true });
  const words = (ref: string) => [
    ctrExecutable,
    "containers",
    "checkpoint",
    "--image",
    "--rw",
    "--task",
    "c",
    ref,
  ];
  const steps = await killer.steps(words("whole:1"), ctr.env);
  await ctr.ok("images", "rm", "--sync", "whole:1");
  const chosen = steps.filter((_, at) => at % Math.ceil(steps.length / KILLS) === 0);
  let killed = 0;
  for (const [at, step] of chosen.entries()) {
    if ((await killer.killAt(step, words(`at:${at}`), ctr.env)).code === 137) killed++;
    await waitFor(async () => (await status(ctr, "c")) === "running", {
      what: `the task at ${step.call} ${step.count}`,
    });
  }
  assert.ok(killed >= chosen.length / 2, `${killed} of ${chosen.length} killed`);
  for (const name of (await ctr.ok("images", "list", "-q"))
    .trimEnd()
    .split("\n")
    .filter((one) => one !== image)) {
    assert.match(await ctr.ok("images", "check", `name==${name}`), / complete /, name);
  }
  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "after:1");
  await ctr.ok("tasks", "delete", "--force", "c");
  await ctr.ok("containers", "restore", "--rw", "--live", "d", "after:1");
  await ctr.ok("tasks", "delete", "--force", "d");
});

check("a restore that is killed at any step can be cleared away and done again", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  await ctr.ok("run", "-d", "--null-io", image, "c", "tail", "-f", "/dev/null");
  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "saved:1");
  await ctr.ok("tasks", "delete", "--force", "c");
  const killer = createStepKiller(directory.path, { isClientAlone: true });
  const words = ["containers", "restore", "--rw", "--live", "d", "saved:1"];
  const clear = async () => {
    await ctr("tasks", "delete", "--force", "d");
    await ctr("containers", "delete", "d");
  };
  const steps = await killer.steps([ctrExecutable, ...words], ctr.env);
  await clear();
  const chosen = steps.filter((_, at) => at % Math.ceil(steps.length / KILLS) === 0);
  for (const step of chosen) {
    await killer.killAt(step, [ctrExecutable, ...words], ctr.env);
    // The supervisor may still be restoring what its client no longer waits for.
    await waitFor(
      async () => {
        await clear();
        return (await ctr(...words)).code === 0;
      },
      { what: `a restore after one that was killed at ${step.call} ${step.count}` },
    );
    assert.is(await status(ctr, "d"), "running");
    await clear();
  }
  await waitFor(async () => {
    await ctr.ok("system", "check", "--repair");
    return readdirSync(`${ctr.root}/work`).length === 0;
  });
});

test("states and names that cannot be are refused in ctr's words", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  const fails = async (wanted: RegExp, ...words: string[]) => {
    const { code, stdout, stderr } = await ctr(...words);
    assert.is(code, 1, words.join(" "));
    assert.is(stdout, "");
    assert.match(stderr, wanted, `${words.join(" ")}: ${stderr}`);
  };
  await ctr.ok("run", "-d", image, "c", "true");
  await ctr("tasks", "wait", "c");
  await fails(/^ctr: container id must be provided\n/, "containers", "checkpoint");
  await fails(/^ctr: ref must be provided\n/, "containers", "checkpoint", "c");
  await fails(/^ctr: ref must be provided\n/, "containers", "restore", "c");
  await fails(
    /^ctr: container "no" in namespace "[^"]*": not found\n/,
    "containers",
    "checkpoint",
    "no",
    "x:1",
  );
  await fails(/^ctr: cannot pause a stopped container: unknown\n/, "tasks", "checkpoint", "c");
  await fails(
    /^ctr: cannot pause a stopped container: unknown\n/,
    "containers",
    "checkpoint",
    "--task",
    "c",
    "x:1",
  );
  await ctr.ok("tasks", "delete", "c");
  await fails(
    /^ctr: no running task found: [^\n]*not found\n/,
    "containers",
    "checkpoint",
    "--task",
    "c",
    "x:1",
  );
  await fails(/^ctr: no running task found: [^\n]*not found\n/, "tasks", "checkpoint", "c");
  await ctr.ok("containers", "checkpoint", "--rw", "c", "files:1");
  await fails(/^ctr: image "files:1": already exists\n/, "containers", "checkpoint", "--rw", "c", "files:1");
  await fails(/^ctr: container "c": already exists\n/, "containers", "restore", "--rw", "c", "files:1");
  await fails(
    /^ctr: memory in checkpoint "files:1": not found \(/,
    "containers",
    "restore",
    "--live",
    "d",
    "files:1",
  );
  await fails(/^ctr: checkpoint's configuration in image /, "containers", "restore", "d", image);
  assert.is(await ctr.ok("containers", "list", "-q"), "c\n");
});

test("a checkpoint that asks for more than an image gets is refused until somebody vouches for it", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", "--privileged", image, "c", "true");
  await ctr.ok("containers", "checkpoint", "--rw", "c", "asks:1");
  const index = (await ctr.ok("images", "list", "name==asks:1")).match(/sha256:[0-9a-f]{64}/)?.[0] ?? "";
  const label = "ctr.checkpoint.trusted";
  const vouch = (value: string) => ctr.ok("content", "label", index, `${label}=${value}`);
  await vouch("");
  const refused = await ctr("containers", "restore", "--rw", "d", "asks:1");
  assert.is(refused.code, 1);
  assert.match(
    refused.stderr,
    /^ctr: checkpoint "asks:1" was not made here and asks for [^\n]*CAP_SYS_ADMIN[^\n]*\n$/,
  );
  assert.ok(refused.stderr.includes(`ctr content label ${index} ${label}=true`), refused.stderr);
  assert.is(await ctr.ok("containers", "list", "-q"), "c\n");
  await vouch("true");
  await ctr.ok("containers", "restore", "--rw", "d", "asks:1");
  await ctr("tasks", "wait", "d");
});

test.run();
