import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

/** A checkout with npm's part done, whose list of needed programs is `packages`. */
function checkout(dir: TempDir, packages: string): string {
  for (const name of ["scripts", "node_modules/.bin", "programs"])
    mkdirSync(dir.join(name), { recursive: true });
  copyFileSync(join(CHECKOUT, "scripts/setup"), dir.join("scripts/setup"));
  chmodSync(dir.join("scripts/setup"), 0o755);
  writeFileSync(dir.join("scripts/packages"), packages);
  for (const name of ["package-lock.json", "node_modules/.ctr-lock.json"])
    writeFileSync(dir.join(name), "{}");
  symlinkSync(process.execPath, dir.join("node_modules/.bin/bun"));
  return dir.path;
}

function addProgram(dir: TempDir, name: string, script: string): void {
  writeFileSync(dir.join("programs", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

test("nothing is done and nothing said when nothing is missing", async () => {
  using dir = tempDir();
  addProgram(dir, "apt-get", "echo apt-get was called; exit 1");
  const cwd = checkout(dir, "# a comment\n\nsh   dash\n");
  const { code, stdout, stderr } = await run(["scripts/setup"], { cwd, env: withPrograms(dir) });
  assert.equal([code, stdout, stderr], [0, "", ""]);
});

test("without root, one line says what has to be installed", async () => {
  using dir = tempDir();
  addProgram(dir, "id", "echo 1000");
  addProgram(dir, "apt-get", "echo apt-get was called; exit 1");
  const cwd = checkout(dir, "sh dash\nno-such-program-a package-a\nno-such-program-b package-b\n");
  const { code, stdout, stderr } = await run(["scripts/setup"], { cwd, env: withPrograms(dir) });
  assert.is(code, 1);
  assert.is(
    `${stdout}${stderr}`,
    "scripts/setup: run as root once, it has to install: package-a package-b\n",
  );
});

test("without apt, one line says what to install", async () => {
  using dir = tempDir();
  for (const name of ["sh", "dirname", "cmp", "sort", "tr", "grep", "head"]) {
    symlinkSync(Bun.which(name) ?? "", dir.join("programs", name));
  }
  const cwd = checkout(dir, "no-such-program package-a\n");
  const env = { PATH: dir.join("programs") };
  const { code, stdout, stderr } = await run(["scripts/setup"], { cwd, env });
  assert.is(code, 1);
  assert.is(`${stdout}${stderr}`, "scripts/setup: install these first (Debian's names): package-a\n");
});

test("a busybox that needs libraries counts as missing", async () => {
  using dir = tempDir();
  symlinkSync(Bun.which("ls") ?? "", dir.join("programs", "busybox"));
  addProgram(dir, "id", "echo 1000");
  const cwd = checkout(dir, "busybox busybox-static\n");
  const { stderr } = await run(["scripts/setup"], { cwd, env: withPrograms(dir) });
  assert.match(stderr, "busybox-static");
});

function withPrograms(dir: TempDir): Record<string, string> {
  return { PATH: `${dir.join("programs")}:${process.env.PATH}` };
}

test.run();
