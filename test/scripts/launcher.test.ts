import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const LAUNCHER = join(CHECKOUT, "bin/ctr");

test("the launcher works through a link from elsewhere, and through a link to that", async () => {
  using dir = tempDir();
  symlinkSync(LAUNCHER, dir.join("ctr"));
  symlinkSync("ctr", dir.join("again"));
  for (const name of ["ctr", "again"]) {
    const { code, stdout } = await run([dir.join(name), "--version"], { cwd: "/" });
    assert.is(code, 0);
    // Scripts take the third word, as of the real one.
    assert.match(stdout, /^ctr version \d+\.\d+\.\d+\n$/);
  }
});

test("without a built executable the launcher runs the sources", async () => {
  using dir = tempDir();
  for (const name of ["bin", "src/cli"]) mkdirSync(dir.join(name), { recursive: true });
  copyFileSync(LAUNCHER, dir.join("bin/ctr"));
  chmodSync(dir.join("bin/ctr"), 0o755);
  symlinkSync(join(CHECKOUT, "node_modules"), dir.join("node_modules"));
  writeFileSync(
    dir.join("src/cli/main.ts"),
    `console.log("source", ...process.argv.slice(2), process.env.PLANTED);`,
  );
  plant(dir.path);
  const { stdout, stderr } = await run([dir.join("bin/ctr"), "a b", "c"], { cwd: dir.path });
  assert.is(`${stdout}${stderr}`, "source a b c undefined\n");
});

test("what lies in the working directory does not run with the executable", async () => {
  using dir = tempDir();
  plant(dir.path);
  const { code, stdout, stderr } = await run([ctrExecutable, "--version"], { cwd: dir.path });
  assert.is(code, 0);
  assert.not.match(`${stdout}${stderr}`, "PRELOADED");
});

/** A bunfig.toml that Bun would run a script for, and a .env that it would read. */
function plant(directory: string): void {
  writeFileSync(join(directory, "bunfig.toml"), `preload = ["./preload.ts"]\n`);
  writeFileSync(join(directory, "preload.ts"), `console.log("PRELOADED");`);
  writeFileSync(join(directory, ".env"), "PLANTED=1\n");
}

test.run();
