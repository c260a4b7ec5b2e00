import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Ctr, createCtr } from "../support/ctr.ts";
import {
  type Answer,
  type HostileRegistry,
  type SeenRequest,
  startHostileRegistry,
} from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { placeOf, servedImage } from "../support/served-image.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

// The lease of a pull that was killed kept its content for a day, also when a later pull had succeeded and the image
// was deleted. What of a blob had come by then stayed for a day after that lease, too.

const quick = buildLayer([{ path: "quick", content: "soon" }]);
const slow = buildLayer([{ path: "slow", content: crypto.getRandomValues(new Uint8Array(50_000)) }]);
const partOfSlow = `layer-${slow.descriptor.digest}`;
const images = { 1: buildImage({ layers: [quick, slow] }), 2: buildImage({ layers: [quick] }) };

/** Serves the images; of the slow layer only half while `isStalled` says so. Both tags are of the second once moved. */
function startRegistry(isStalled: () => boolean, isMoved = () => false): Promise<HostileRegistry> {
  const script = { ...servedImage(images[1], { tag: "1" }), ...servedImage(images[2], { tag: "2" }) };
  const whole = slow.data as Uint8Array;
  return startHostileRegistry({
    ...script,
    "/v2/app/manifests/1": () => script[`/v2/app/manifests/${isMoved() ? 2 : 1}`]!,
    [placeOf(slow)]: ({ headers }: SeenRequest): Answer => {
      if (!isStalled()) return rangeOf(whole, headers.range);
      return {
        headers: { "content-length": `${whole.length}` },
        body: whole.subarray(0, 20_000),
        end: "silence",
      };
    },
  });
}

function rangeOf(whole: Uint8Array, range = "bytes=0-"): Answer {
  const from = Number(/^bytes=(\d+)-/.exec(range)![1]);
  if (from === 0) return { body: whole };
  const headers = { "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` };
  return { status: 206, headers, body: whole.subarray(from) };
}

async function pullUntilKilled(ctr: Ctr, ref: string): Promise<void> {
  const pulling = ctr.start(["images", "pull", "--plain-http", ref]);
  await waitFor(async () => (await ctr.ok("snapshots", "list")).includes("Committed"), {
    what: "the first layer's snapshot",
  });
  await waitFor(async () => (await ctr.ok("content", "active")).includes(partOfSlow), {
    what: "a part of the second layer",
  });
  pulling.kill("SIGKILL");
  await pulling.exited;
}

/** After a collection: blobs, snapshots, and parts of blobs. */
async function held(ctr: Ctr): Promise<string[]> {
  await ctr.ok("leases", "create", "--id", "passing");
  await ctr.ok("leases", "delete", "--sync", "passing");
  const [content, snapshots, ingests] = [
    await ctr.ok("content", "list", "-q"),
    await ctr.ok("snapshots", "list", "-o", "json"),
    await ctr.ok("content", "active", "-o", "json"),
  ];
  return [
    ...content.split("\n").filter(Boolean),
    ...JSON.parse(snapshots).map(({ key }: { key: string }) => key),
    ...JSON.parse(ingests).map(({ ref }: { ref: string }) => ref),
  ];
}

const test = suite("the lease of a pull that was killed");

test("is kept for the next try, and goes with that", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  let isStalled = true;
  await using registry = await startRegistry(() => isStalled);
  const ref = `${registry.host}/app:1`;
  await pullUntilKilled(ctr, ref);
  const kept = await held(ctr);
  assert.ok(kept.includes(quick.diffId));
  assert.ok(kept.includes(partOfSlow));
  isStalled = false;
  await ctr.ok("images", "pull", "--plain-http", ref);
  assert.is(await ctr.ok("leases", "list", "-q"), "");
  await ctr.ok("images", "delete", "--sync", ref);
  assert.equal(await held(ctr), []);
});

test("goes with the next try also where the name means another image by then", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  let isMoved = false;
  await using registry = await startRegistry(
    () => true,
    () => isMoved,
  );
  const ref = `${registry.host}/app:1`;
  await pullUntilKilled(ctr, ref);
  isMoved = true;
  await ctr.ok("images", "pull", "--plain-http", ref);
  assert.is(await ctr.ok("leases", "list", "-q"), "");
  assert.not.ok((await held(ctr)).includes(partOfSlow));
});

test("goes with all that is pruned, but not while its owner lives", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  let isStalled = false;
  await using registry = await startRegistry(() => isStalled);
  const ref = `${registry.host}/app:1`;
  await ctr.ok("images", "pull", "--plain-http", ref);
  await ctr.ok("images", "delete", "--sync", ref);
  isStalled = true;
  await pullUntilKilled(ctr, ref);
  const plan = await ctr.ok("system", "prune", "--dry-run");
  assert.match(plan, /lease +\S+ +\S+ +- +expired or abandoned/);
  assert.match(plan, new RegExp(`ingest +- +${partOfSlow} `));
  const pulling = ctr.start(["images", "pull", "--plain-http", ref]);
  await waitFor(async () => (await ctr.ok("leases", "list", "-q")).split("\n").length === 3, {
    what: "two leases",
  });
  await ctr.ok("system", "prune");
  const kept = await held(ctr);
  assert.ok(kept.includes(quick.diffId));
  assert.ok(kept.includes(partOfSlow));
  assert.is((await ctr.ok("leases", "list", "-q")).split("\n").length, 2);
  pulling.kill("SIGKILL");
  await pulling.exited;
  await ctr.ok("system", "prune");
  assert.equal(await held(ctr), []);
});

test("goes with the image of that name", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  await using registry = await startRegistry(() => true);
  const [ref, other] = [`${registry.host}/app:1`, `${registry.host}/app:2`];
  await pullUntilKilled(ctr, ref);
  await ctr.ok("images", "pull", "--plain-http", other);
  await ctr.ok("images", "tag", other, ref);
  await ctr.ok("images", "delete", "--sync", other);
  assert.is((await ctr.ok("leases", "list", "-q")).split("\n").length, 2);
  assert.ok((await held(ctr)).includes(partOfSlow));
  await ctr.ok("images", "delete", "--sync", ref);
  assert.equal(await held(ctr), []);
});

test.run();
