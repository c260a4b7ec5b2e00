import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDraftDirectory } from "../../src/files/drafts.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// What a killed command had half written into a directory of the user's stayed there for good.

const test = suite("drafts of processes that were killed");

const isDraft = (name: unknown) => String(name).startsWith(".draft-");

test("go when somebody begins there who is alone, but not while others are at work", async () => {
  using directory = tempDir();
  const left = directory.join(".draft-1");
  {
    using _first = await openDraftDirectory(directory.path, isDraft);
    writeFileSync(left, "half");
    using _second = await openDraftDirectory(directory.path, isDraft);
    assert.ok(existsSync(left));
  }
  writeFileSync(directory.join("kept"), "");
  using _third = await openDraftDirectory(directory.path, isDraft);
  assert.equal(readdirSync(directory.path), ["kept"]);
});

test("of install go with the next installation", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const target = directory.join("target");
  const names = () => readdirSync(join(target, "bin"));
  mkdirSync(target);
  await ctr.ok("install", "--path", target, image);
  const whole = names();
  const killer = createStepKiller(directory.path);
  const command = [ctrExecutable, "install", "--replace", "--path", target, image];
  await killer.killAt({ call: "renameat", count: 2 }, command, ctr.env);
  assert.is(names().length, whole.length + 1, "a draft is left");
  await ctr.ok("install", "--replace", "--path", target, image);
  assert.equal(names(), whole);
});

test("of build-erofs-cache go with the next one", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const [cache, reached, blocked] = ["cache", "reached", "blocked"].map((name) => directory.join(name));
  // Writes what it reads to its last word; while it is blocked, a piece of it.
  const script = `#!/bin/sh
for path; do :; done
echo half >"$path"
if [ -e '${blocked}' ]; then : >'${reached}'; exec cat >/dev/null; fi
exec cat >"$path"
`;
  writeFileSync(directory.join("bin", "mkfs.erofs"), script, { mode: 0o755 });
  writeFileSync(blocked!, "");
  const env = { PATH: `${directory.join("bin")}:${ctr.env.PATH}` };
  const client = ctr.start(["images", "build-erofs-cache", image, cache!], { env });
  await waitFor(() => existsSync(reached!));
  client.kill("SIGKILL");
  await client.exited;
  const drafts = () => readdirSync(cache!).filter((name) => name.startsWith("."));
  assert.is(drafts().length, 1);
  await Bun.file(blocked!).delete();
  const again = await ctr.with({ env })("images", "build-erofs-cache", image, cache!);
  assert.is(again.code, 0, again.stderr);
  assert.equal(drafts(), []);
  const [file] = new Bun.Glob("**/*.erofs").scanSync(cache!);
  assert.ok(readFileSync(join(cache!, file!)).length > 0);
});

test.run();
