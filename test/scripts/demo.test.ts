import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../support/run-program.ts";

const DEMO = join(import.meta.dirname, "../../scripts/demo.ts");

// What it leaves behind is the test runner's to find: it looks for files, mounts, processes and cgroups.
test("the demo shows the whole way of an image, and leaves nothing behind", async () => {
  const { code, stdout, stderr } = await run([process.execPath, DEMO]);
  assert.is(code, 0, stderr);
  for (const words of ["hello from a container", "THROUGH A PIPE", "(exit status 7)", "STOPPED", "# Done."]) {
    assert.ok(stdout.includes(words), `${words} is missing in:\n${stdout}`);
  }
});

test("an interrupted demo says so and leaves nothing behind", async () => {
  const demo = Bun.spawn([process.execPath, DEMO], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let seen = "";
  for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
    seen += chunk;
    if (seen.includes("run -d")) demo.kill("SIGTERM");
  }
  assert.is(await demo.exited, 1);
  assert.match(await new Response(demo.stderr).text(), "scripts/demo: interrupted");
});

test.run();
