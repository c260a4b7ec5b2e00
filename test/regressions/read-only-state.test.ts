import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCtr, ctrExecutable } from "../support/ctr.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

// Root was told to become root, and a failed call of Node's was printed in Node's own order.

test("a state directory on a read-only filesystem is called that", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  const place = directory.join("place", "root");
  await run(["mkdir", "-p", place]);
  assert.is((await run(["mount", "-t", "tmpfs", "tmpfs", place])).code, 0);
  const inPlace = ctr.with({ env: { CTR_ROOT: place, CTR_STATE: `${place}/state` } });
  assert.is((await inPlace("namespaces", "create", "n")).code, 0);
  assert.is((await run(["mount", "-o", "remount,ro", place])).code, 0);
  for (const words of [
    ["images", "list"],
    ["namespaces", "create", "other"],
  ]) {
    const { code, stderr } = await inPlace(...words);
    assert.is(code, 1);
    assert.match(
      stderr,
      /^ctr: (?:failed to list images: )?metadata database [^ ]+ cannot be opened: access "[^"]+": read-only file system\n$/,
    );
  }
  const { stderr } = await ctr.with({ env: { CTR_ROOT: `${place}/new` } })("namespaces", "create", "n");
  assert.match(stderr, /^ctr: mkdir "[^"]+": read-only file system\n$/);
});

test("a full standard output is told as every other failed call", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  const { stderr } = await run(["sh", "-c", `${ctrExecutable} version >/dev/full`], { env: { ...ctr.env } });
  assert.is(stderr, "ctr: write: no space left on device\n");
});

test.run();
