import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { claimMountPlace } from "../../src/files/places.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { mountsBelow } from "../support/mounts.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// What lay in /tmp when its process was killed, a mount or a file, nobody ever looked for.

const test = suite("places of processes that were killed");

/** Kills a process in the midst of applying a layer to what it has mounted there. */
async function leaveMounted(places: string): Promise<string> {
  const fixture = join(import.meta.dirname, "../fixtures/diff/apply-for-ever.ts");
  const child = Bun.spawn([process.execPath, fixture, places], { stdout: "pipe", stderr: "inherit" });
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  await child.exited;
  return join(places, readdirSync(places)[0]!);
}

function emptyTmp(directory: TempDir): string {
  const path = directory.join("tmp");
  mkdirSync(path);
  return path;
}

test("a mount is taken away by the next who mounts there", async () => {
  using directory = tempDir();
  const places = directory.join("places");
  const left = await leaveMounted(places);
  assert.equal(mountsBelow(places), [left]);
  using place = claimMountPlace(places);
  assert.equal(mountsBelow(places), []);
  assert.equal(
    readdirSync(places).map((name) => join(places, name)),
    [place.path],
  );
});

test("a mount is taken away by system prune", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const places = join(bench.ctr.state, "mounts");
  await leaveMounted(places);
  assert.match(await bench.ctr.ok("system", "prune", "--dry-run"), /mount/);
  await bench.ctr.ok("system", "prune");
  assert.equal(readdirSync(places), []);
  assert.equal(mountsBelow(places), []);
});

test("trying the snapshotter out leaves nothing", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr, directory } = bench;
  const env = { ...ctr.env, TMPDIR: emptyTmp(directory) };
  const killer = createStepKiller(directory.path);
  const places = join(ctr.state, "mounts");
  await killer.killAt({ call: "umount2", count: 1 }, [ctrExecutable, "plugins", "list"], env);
  assert.is(mountsBelow(places).length, 1);
  await ctr.ok("plugins", "list");
  assert.equal(readdirSync(places), []);
  assert.equal(readdirSync(env.TMPDIR), []);
});

test("a directory made to mount an image at goes once nothing can be mounted there", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const killer = createStepKiller(directory.path);
  const home = join(ctr.state, "image-mounts");
  await killer.killAt({ call: "mount", count: 1 }, [ctrExecutable, "images", "mount", image], ctr.env);
  assert.equal(mountsBelow(home), []);
  await ctr.ok("system", "prune");
  assert.is(readdirSync(home).length, 1, "its snapshot is there, to be mounted again");
  const [, mounted = ""] = (await ctr.ok("images", "mount", image)).split("\n");
  await ctr.ok(
    "leases",
    "delete",
    "--sync",
    join(home, readdirSync(home).find((name) => !mounted.endsWith(name))!),
  );
  await ctr.ok("system", "prune");
  assert.equal(
    readdirSync(home).map((name) => join(home, name)),
    [mounted],
  );
  await ctr.ok("images", "unmount", "--rm", mounted);
  assert.equal(readdirSync(home), []);
});

test("a blob that is being edited is no longer readable anywhere after system prune", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory } = bench;
  const reached = directory.join("reached");
  const editor = directory.join("editor");
  writeFileSync(
    editor,
    `#!/bin/sh\nprintf %s "$1" >'${reached}.new'\nmv '${reached}.new' '${reached}'\nexec cat\n`,
    {
      mode: 0o755,
    },
  );
  const [digest = ""] = (await ctr.ok("content", "list", "-q")).split("\n");
  const TMPDIR = emptyTmp(directory);
  const editing = ctr.start(["content", "edit", "--editor", editor, digest], { env: { TMPDIR } });
  const path = await waitFor(() => Bun.file(reached).text());
  assert.is((await run(["cat", path])).code, 0);
  editing.kill("SIGKILL");
  await editing.exited;
  await ctr.ok("system", "prune");
  assert.not.ok(existsSync(path));
  assert.equal(readdirSync(join(ctr.root, "work")), []);
  assert.equal(readdirSync(TMPDIR), []);
});

test.run();
