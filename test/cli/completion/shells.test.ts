import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../support/run-program.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("completion in bash");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const SCRIPT = join(import.meta.dirname, "../../../completions/ctr.bash");
const EXECUTABLE = join(import.meta.dirname, "../../../dist/ctr");

/** What bash would offer for the line, with the cursor at its end. */
async function offered(line: string, cwd = "/"): Promise<string[]> {
  const program = `
    compopt() { :; }
    source ${SCRIPT}
    COMP_LINE=$1 COMP_POINT=\${#1}
    _ctr
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await run(["bash", "-c", program, "bash", `${EXECUTABLE} ${line}`], {
    env: { ...bench.ctr.env, TERM: "dumb" },
    cwd,
  });
  assert.is(`${code}${stderr}`, "0");
  return stdout.split("\n").filter(Boolean);
}

test("offers commands and flags", async () => {
  assert.equal(await offered("na"), ["namespaces"]);
  assert.equal(await offered("images pull --plat"), ["--platform"]);
});

test("offers images by name, cut as bash cuts words at colons", async () => {
  const { image, registry } = bench;
  assert.equal(await offered("images rm local"), [image]);
  assert.equal(await offered(`images rm ${image.slice(0, -2)}`), ["latest"]);
  assert.equal(await offered(`images rm localhost:${String(registry.port).slice(0, 2)}`), [
    image.slice("localhost:".length),
  ]);
});

test("offers filters for the topics of events", async () => {
  // What stands before the last equals sign is not replaced by bash.
  assert.equal(await offered("events topic~=^/tasks/o"), ["^/tasks/oom$"]);
  assert.equal((await offered("events top")).length, 24);
});

test("offers what is in the namespace and the directories that the line names", async () => {
  assert.equal(await offered("-n elsewhere images rm "), []);
  assert.equal(await offered(`-n ${bench.ctr.namespace.slice(0, 3)}`), [bench.ctr.namespace]);
  assert.equal(await offered("--root /nonexistent images rm "), []);
});

test("offers containers and tasks, digests and snapshots", async () => {
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", image, "made", "true");
  await ctr.ok("run", "-d", image, "running", "sleep", "1000");
  assert.equal(await offered("containers info "), ["made", "running"]);
  assert.equal(await offered("tasks kill "), ["running"]);
  assert.ok((await offered("snapshots info ")).includes("made"));
  assert.ok((await offered("content get sha256:")).every((rest) => /^[0-9a-f]{64}$/.test(rest)));
  await ctr.ok("tasks", "delete", "-f", "running");
  await ctr.ok("containers", "delete", "made", "running");
});

test("leaves files and directories to bash", async () => {
  using directory = await import("../../support/temp.ts").then(({ tempDir }) => tempDir());
  await Bun.write(directory.join("spec file.json"), "{}");
  await Bun.write(directory.join("spec.d", "x"), "");
  assert.equal((await offered("run --config sp", directory.path)).sort(), ["spec file.json", "spec.d"]);
  assert.equal(await offered("run --runc-root sp", directory.path), ["spec.d"]);
});

test("says nothing where there is nothing to say", async () => {
  assert.equal(await offered("nosuch "), []);
  assert.equal(await offered("run img id sh --r"), []);
});

test.run();
