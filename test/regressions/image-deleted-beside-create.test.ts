import { mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openLockFile } from "../../src/files/lock-file.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// A container created while somebody deleted its image failed with the words of the snapshot that it found missing.

const test = suite("an image deleted while a container of it is created");

/** Starts the creation, lets `change` happen when the image has been looked at, and answers how it ended. */
async function createBeside(change: (ctr: Awaited<ReturnType<typeof openWorkbench>>) => Promise<unknown>) {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  mkdirSync(join(ctr.root, "locks"), { recursive: true });
  const path = join(ctr.root, "locks", `create-${ctr.namespace}--box`);
  const lock = await openLockFile(path);
  const creating = ctr.start(["containers", "create", image, "box"]);
  await waitFor(() => holds(creating.pid, path), { what: "the creation to wait for its turn" });
  await change(bench);
  lock.remove();
  const code = await creating.exited;
  return { code, stderr: await new Response(creating.stderr).text() };
}

function holds(pid: number, path: string): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((fd) => {
    try {
      return readlinkSync(join(directory, fd)) === path;
    } catch {
      return false;
    }
  });
}

test("is what the failure says", async () => {
  const { code, stderr } = await createBeside(({ ctr, image }) => ctr.ok("images", "rm", "--sync", image));
  assert.is(code, 1);
  assert.match(stderr, /^ctr: image "[^"]+": not found/);
});

test("is found again when it has come back", async () => {
  const { code, stderr } = await createBeside(async ({ ctr, image }) => {
    await ctr.ok("images", "rm", "--sync", image);
    await ctr.ok("images", "pull", image);
  });
  assert.is(code, 0, stderr);
});

test.run();
