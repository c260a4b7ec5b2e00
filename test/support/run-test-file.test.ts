import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTestFile } from "./run-test-file.ts";
import { tempDir } from "./temp.ts";

const UVU = join(import.meta.dirname, "../../node_modules/uvu");

async function report(body: string, timeoutMs?: number) {
  using dir = tempDir();
  const file = dir.join("some.test.ts");
  writeFileSync(file, `import { suite, test } from "${UVU}";\n${body}`);
  return await runTestFile(file, timeoutMs);
}

test("passed, failed and skipped tests are counted", async () => {
  const { passed, failed, skipped, problems } = await report(`
    test("good", () => {});
    test("bad", () => { throw new Error("bad"); });
    test.skip("skipped", () => {});
    test.run();`);
  assert.equal({ passed, failed, skipped, problems }, { passed: 1, failed: 1, skipped: 1, problems: [] });
});

test("a file that reports nothing fails", async () => {
  const { passed, problems } = await report(`test("never run", () => {});`);
  assert.is(passed, 0);
  assert.ok(problems.includes("it reports no result: is `.run()` missing?"));
});

test("a suite that is not run beside one that is fails", async () => {
  const { problems } = await report(`
    const other = suite("other");
    other("never run", () => {});
    test("good", () => {});
    test.run();`);
  assert.equal(problems, ["other.run() is missing"]);
});

test("a hook that throws fails, which uvu does not count", async () => {
  const { failed } = await report(`
    test.before(() => { throw new Error("no"); });
    test("never reached", () => {});
    test.run();`);
  assert.is(failed, 1);
});

test("a file that does not end is killed with its process group", async () => {
  const { failed, problems, seconds } = await report(
    `test("hangs", () => new Promise(() => setInterval(() => {}, 1000)));\ntest.run();`,
    500,
  );
  assert.ok(failed > 0 && seconds < 20);
  assert.match(problems[0] ?? "", "did not end within 0.5 s");
});

test("what a file leaves behind fails it, and is removed", async () => {
  const { passed, problems } = await report(`
    import { mkdtempSync, mkdirSync } from "node:fs";
    import { spawnSync } from "node:child_process";
    import { tmpdir } from "node:os";
    test("leaks", () => {
      mkdirSync(tmpdir() + "/m");
      spawnSync("mount", ["-t", "tmpfs", "none", tmpdir() + "/m"]);
      Bun.spawn(["sleep", "1000"], { detached: true, stdio: ["ignore", "ignore", "ignore"] }).unref();
    });
    test.run();`);
  assert.is(passed, 1);
  assert.equal(
    problems.map((problem) => problem.split(":")[0]),
    ["it left a mount", "it left a process", "it left a file"],
  );
});

test.run();
