import { suite } from "uvu";
import * as assert from "uvu/assert";
import { diskUsageBytes } from "../support/disk-usage.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("namespaces");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const inOther = (...words: string[]) =>
  bench.ctr.with({ env: { CONTAINERD_NAMESPACE: `${bench.ctr.namespace}-b` } })(...words);

test("do not see each other's images, content, snapshots, containers or tasks", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "mine", "sleep", "1000");
  for (const words of [
    ["images", "list", "-q"],
    ["content", "list", "-q"],
    ["containers", "list", "-q"],
    ["tasks", "list", "-q"],
  ]) {
    assert.is.not(await ctr.ok(...words), "");
    assert.is((await inOther(...words)).stdout, "", words.join(" "));
  }
  assert.match((await inOther("containers", "info", "mine")).stderr, /^ctr: container "mine".*: not found/);
  assert.match((await inOther("tasks", "kill", "mine")).stderr, /not found/);
  await ctr.ok("tasks", "delete", "--force", "mine");
  await ctr.ok("containers", "delete", "mine");
});

test("share the bytes of an image both have", async () => {
  const { ctr, image } = bench;
  const before = diskUsageBytes(ctr.root);
  const pulled = await inOther("images", "pull", image);
  assert.is(pulled.code, 0, pulled.stderr);
  const grownBytes = diskUsageBytes(ctr.root) - before;
  assert.ok(grownBytes < 300_000, `the second copy took ${grownBytes} bytes`);
  assert.is((await inOther("run", "--rm", image, "theirs", "echo", "here")).stdout, "here\n");
});

test("keep what the other still has when one removes an image", async () => {
  const { ctr, image } = bench;
  await ctr.ok("images", "remove", "--sync", image);
  assert.is(await ctr.ok("content", "list", "-q"), "");
  assert.is((await inOther("run", "--rm", image, "still", "echo", "here")).stdout, "here\n");
  assert.is((await inOther("images", "remove", "--sync", image)).code, 0);
});

test("can be removed only when empty", async () => {
  const { ctr, image } = bench;
  await ctr.ok("images", "pull", image);
  const refused = await ctr("namespaces", "remove", ctr.namespace);
  assert.is(refused.code, 1);
  assert.match(
    refused.stderr,
    /must be empty, but it still has images, blobs, snapshots on "overlayfs" snapshotter/,
  );
  await ctr.ok("images", "remove", "--sync", image);
  await ctr.ok("namespaces", "remove", ctr.namespace);
  assert.not.match(await ctr.ok("namespaces", "list", "-q"), new RegExp(`^${ctr.namespace}$`, "m"));
});

test.run();
