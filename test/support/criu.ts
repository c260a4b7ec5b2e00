import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Test, test } from "uvu";

/** Puts a criu that works here first on PATH, for every program this test file starts; answers why it cannot. */
export function criuMissing(): string | undefined {
  const { status, stdout, stderr } = spawnSync(join(import.meta.dirname, "../../scripts/criu"), {
    encoding: "utf8",
  });
  if (status !== 0) return stderr.trim() || "scripts/criu failed";
  process.env.PATH = `${stdout.trim()}:${process.env.PATH}`;
  return undefined;
}

/** uvu's `test`, which skips, saying why, where no criu is to be had. */
export function criuTest(): Test["skip"] {
  const missing = criuMissing();
  if (missing === undefined) return test;
  console.log(`skipped: ${missing}`);
  return test.skip;
}
