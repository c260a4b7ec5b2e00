import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Oracle, startOracle } from "../support/containerd.ts";
import { digestOf } from "../support/image.ts";
import { processesNaming } from "../support/processes.ts";
import type { RunOptions, RunResult } from "../support/run-program.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

interface Side {
  (...words: string[]): Promise<RunResult>;
  with(options: RunOptions): (...words: string[]) => Promise<RunResult>;
  ok(...words: string[]): Promise<string>;
}

let bench: Workbench;
let oracle: Oracle;
const test = suite("leases");
test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
  oracle = await startOracle(bench.directory.path);
});
test.after(async () => {
  await oracle?.[Symbol.asyncDispose]();
  await bench?.[Symbol.asyncDispose]();
});

/** Nothing refers to it yet: a collection that an earlier command started in the background would take it. */
async function ingest(side: Side, text: string): Promise<string> {
  await waitFor(() => processesNaming(bench.ctr.root).length === 0, { what: "the end of collections" });
  const { code, stderr } = await side.with({ stdin: text })("content", "ingest", text);
  assert.is(code, 0, stderr);
  return digestOf(text);
}

/** Collects, on the real one by the only command of it that waits for that. */
async function collect(side: Side): Promise<void> {
  await side.ok("leases", "create", "--id", "passing");
  await side.ok("leases", "delete", "--sync", "passing");
}

/** The contents that are left of these. */
async function left(side: Side, ...texts: string[]): Promise<string[]> {
  const digests = (await side.ok("content", "list", "-q")).split("\n");
  return texts.filter((text) => digests.includes(digestOf(text)));
}

/** Both must answer alike, and that answer is looked at. */
async function equally<T>(work: (side: Side) => Promise<T>): Promise<T> {
  const theirs = await work(oracle);
  assert.equal(await work(bench.ctr), theirs);
  return theirs;
}

test("those that expired are removed by whichever collection comes next", async () => {
  const { ctr } = bench;
  await ctr.ok("leases", "create", "--id", "over", "--expires", "1ms");
  await ctr.ok("leases", "create", "--id", "other");
  assert.match(await ctr.ok("system", "prune", "--dry-run"), /lease +\S+ +over +- +expired/);
  await ctr.ok("leases", "delete", "other");
  await waitFor(async () => (await ctr.ok("leases", "list", "-q")) === "", { what: "the lease's end" });
});

test("expire, or are deleted, and hold nothing by labels of their own", async () => {
  const found = await equally(async (side) => {
    const digest = await ingest(side, "labelled");
    await side.ok("leases", "create", "--id", "holder", `containerd.io/gc.ref.content.x=${digest}`);
    await side.ok("leases", "create", "--id", "brief", "-x", "1ms", "a=b");
    await collect(side);
    const leases = await side.ok("leases", "list", "-q");
    await side.ok("leases", "delete", "--sync", "holder");
    return { content: await left(side, "labelled"), leases, later: await side.ok("leases", "list", "-q") };
  });
  assert.equal(found, { content: [], leases: "holder\n", later: "" });
});

test("content and images labelled as roots, and what they refer to, stay", async () => {
  const found = await equally(async (side) => {
    const child = await ingest(side, "child");
    const root = await ingest(side, "root");
    await side.ok(
      ...["content", "label", root, "containerd.io/gc.root=now", `containerd.io/gc.ref.content.0=${child}`],
    );
    await collect(side);
    const before = await left(side, "child", "root");
    await side.ok("content", "label", root, "containerd.io/gc.root=");
    await collect(side);
    return { before, after: await left(side, "child", "root") };
  });
  assert.equal(found, { before: ["child", "root"], after: [] });
});

test("an image whose label says that it has expired goes, and content stays that has not", async () => {
  const { ctr, image } = bench;
  await ctr.ok("images", "pull", image);
  await ctr.ok("images", "label", image, "containerd.io/gc.expire=2020-01-01T00:00:00Z");
  const digest = await ingest(ctr, "later");
  await ctr.ok("content", "label", digest, "containerd.io/gc.expire=2999-01-01T00:00:00Z");
  await collect(ctr);
  assert.is(await ctr.ok("images", "list", "-q"), "");
  assert.is(await ctr.ok("content", "list", "-q"), `${digest}\n`);
  assert.match(await ctr.ok("system", "why", digest), /kept\n {2}content sha256:\w+ \(until 2999/);
  await ctr.ok("content", "delete", digest);
});

test("work in progress is under one, and leaves none", async () => {
  const { ctr, image } = bench;
  const pulling = ctr.start(["images", "pull", image]);
  await waitFor(async () => (await ctr.ok("leases", "list", "-q")) !== "" || pulling.exitCode !== null, {
    what: "the pull's lease",
  });
  assert.is(await pulling.exited, 0);
  assert.is(await ctr.ok("leases", "list", "-q"), "");
  await ctr.ok("run", "--rm", image, "c", "true");
  assert.is(await ctr.ok("leases", "list", "-q"), "");
});

test.run();
