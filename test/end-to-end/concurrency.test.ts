import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const PROCESSES = 20;

let bench: Workbench;
const test = suite("many processes at once");
test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const each = <T>(work: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: PROCESSES }, (_, at) => work(at)));

test("pull the same image into an empty state directory", async () => {
  const { ctr, image } = bench;
  await each(() => ctr.ok("images", "pull", image));
  assert.is(await ctr.ok("images", "list", "-q"), `${image}\n`);
  assert.is((await ctr.ok("snapshots", "list")).trim().split("\n").length, 2);
});

test("run and remove containers", async () => {
  const { ctr, image } = bench;
  const outputs = await each((at) => ctr.ok("run", "--rm", image, `job-${at}`, "echo", `${at}`));
  assert.equal(
    outputs,
    Array.from({ length: PROCESSES }, (_, at) => `${at}\n`),
  );
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test("label one image without losing a label", async () => {
  const { ctr, image } = bench;
  await each((at) => ctr.ok("images", "label", image, `process-${at}=here`));
  const labels = await ctr.ok("images", "list");
  for (let at = 0; at < PROCESSES; at++) assert.match(labels, new RegExp(`process-${at}=here`));
});

test("only one gets a name that many want", async () => {
  const { ctr, image } = bench;
  const results = await each(() => ctr("containers", "create", image, "wanted"));
  assert.is(results.filter(({ code }) => code === 0).length, 1);
  for (const { code, stderr } of results) if (code !== 0) assert.match(stderr, /"wanted": already exists/);
  await ctr.ok("containers", "delete", "wanted");
});

test("pull, run, and delete beside one another", async () => {
  const { ctr, image } = bench;
  await each(async (at) => {
    const tag = `localhost/copy:${at}`;
    await ctr.ok("images", "pull", image);
    await ctr.ok("images", "tag", image, tag);
    await ctr.ok("run", "--rm", tag, `mixed-${at}`, "true");
    await ctr.ok("images", "remove", tag);
  });
  assert.is(await ctr.ok("images", "list", "-q"), `${image}\n`);
});

test.run();
