import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Digest, splitDigest } from "../../src/core/digest.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { type BuiltImage, buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const test = suite("images check and what mends");

const second = buildLayer([{ path: "etc/second", content: "two\n" }]);
const twoLayers = buildImage({
  layers: [busyboxLayer(), second],
  config: { Cmd: ["cat", "/etc/second"], Env: ["PATH=/bin"] },
});
const [, , config, manifest] = twoLayers.blobs.map(({ descriptor }) => descriptor.digest) as Digest[];
const topLayer = second.descriptor.digest;

const withImage = (image: BuiltImage, use: (bench: Workbench) => Promise<void>) => async () => {
  await using bench = await openWorkbench({ image });
  await use(bench);
};

function blobFile({ ctr }: Workbench, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return join(ctr.root, "content/blobs", algorithm, hex);
}

/** Changes one byte and leaves the length. */
function damage(bench: Workbench, digest: Digest): void {
  const path = blobFile(bench, digest);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 0xff;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

const snapshotsOf = ({ ctr }: Workbench): string => join(ctr.root, "snapshots/overlayfs");

/** What a container had may still be on its way out, under another name. */
function snapshotIds(bench: Workbench): number[] {
  return readdirSync(snapshotsOf(bench)).map(Number).filter(Number.isInteger);
}

function loseSnapshots(bench: Workbench, which: (id: number) => boolean = () => true): number {
  const ids = snapshotIds(bench).filter(which);
  for (const id of ids) rmSync(join(snapshotsOf(bench), `${id}`), { recursive: true });
  return ids.length;
}

async function statusOf({ ctr }: Workbench, ...words: string[]): Promise<[string, boolean][]> {
  const { stdout } = await ctr("images", "check", "-o", "json", ...words);
  return JSON.parse(stdout).map(({ status, isUnpacked }: { status: string; isUnpacked: boolean }) => [
    status,
    isUnpacked,
  ]);
}

async function runs({ ctr, image }: Workbench): Promise<string> {
  return ctr.ok("run", "--rm", image, `c${crypto.randomUUID().slice(0, 8)}`);
}

test(
  "a damaged blob is found by hash alone, fails the check, and is fetched again by --repair",
  withImage(twoLayers, async (bench) => {
    for (const digest of [topLayer, config!, manifest!]) {
      damage(bench, digest);
      // Documents are small and hashed by every reader; layers only when they are asked about.
      if (digest === topLayer) assert.is(await bench.ctr.ok("images", "check", "-q"), `${bench.image}\n`);
      const { code, stderr } = await bench.ctr("images", "check", "--verify");
      assert.is(code, 1);
      assert.match(stderr, new RegExp(`content ${digest} is damaged: data loss`));
      assert.is((await statusOf(bench, "--verify"))[0]![0], "damaged");
      await bench.ctr.ok("images", "check", "--repair");
      await bench.ctr.ok("images", "check", "--verify");
      assert.equal(await statusOf(bench, "--verify"), [["complete", true]]);
    }
    assert.is(await runs(bench), "two\n");
  }),
);

test(
  "a plain pull fetches again what is missing, cut short, too long or altered",
  withImage(twoLayers, async (bench) => {
    const break_: ((digest: Digest) => void)[] = [
      (digest) => rmSync(blobFile(bench, digest)),
      (digest) => truncateSync(blobFile(bench, digest), 10),
      (digest) => appendFileSync(blobFile(bench, digest), "x"),
      (digest) => damage(bench, digest),
    ];
    for (const breakIt of break_) {
      for (const digest of [topLayer, config!, manifest!]) {
        breakIt(digest);
        assert.is((await bench.ctr("images", "check", "--verify")).code, 1);
        await bench.ctr.ok("images", "pull", bench.image);
        await bench.ctr.ok("images", "check", "--verify");
      }
    }
    await bench.ctr.ok("content", "rm", topLayer);
    assert.equal(await statusOf(bench), [["incomplete", true]]);
    await bench.ctr.ok("images", "pull", bench.image);
    assert.equal(await statusOf(bench, "--verify"), [["complete", true]]);
  }),
);

for (const [name, which] of [
  ["all snapshots", () => true],
  ["the lower snapshot", (id: number) => id === 1],
  ["the upper snapshot", (id: number) => id > 1],
] as const) {
  test(
    `${name} that vanished from disk are unpacked again by pull, run and check --repair`,
    withImage(twoLayers, async (bench) => {
      const { ctr, image } = bench;
      const first = Math.min(...snapshotIds(bench));
      const lose = () => {
        const lowest = Math.min(...snapshotIds(bench));
        assert.ok(loseSnapshots(bench, (id) => which(id - lowest + 1)) > 0);
      };
      assert.ok(first > 0);
      for (const mend of [
        ["images", "pull", image],
        ["run", "--rm", image, "mender"],
        ["images", "check", "--repair"],
      ]) {
        lose();
        assert.equal(await statusOf(bench), [["complete", false]]);
        await ctr.ok(...mend);
        assert.equal(await statusOf(bench), [["complete", true]]);
        assert.is(await runs(bench), "two\n");
      }
    }),
  );
}

test(
  "a container keeps its own changes when the layers beneath are unpacked again",
  withImage(busyboxImage({ config: { Cmd: ["sh"], Env: ["PATH=/bin"] } }), async (bench) => {
    const { ctr, image } = bench;
    await ctr.ok("run", image, "keeper", "sh", "-c", "echo mine >/kept");
    const { SnapshotKey } = JSON.parse(await ctr.ok("containers", "info", "keeper"));
    const lowest = Math.min(...snapshotIds(bench));
    loseSnapshots(bench, (id) => id === lowest);
    await ctr.ok("images", "pull", image);
    const mounts = await ctr.ok("snapshots", "mounts", "/nowhere", SnapshotKey);
    for (const [, directory] of mounts.matchAll(/(?:lower|upper)dir=([^,\s]+)/g)) {
      assert.ok(readdirSync(directory!).length > 0, `${directory} has the bytes`);
    }
    await ctr.ok("containers", "rm", "keeper");
  }),
);

test(
  "a namespace that shares a lost snapshot has it back too",
  withImage(twoLayers, async (bench) => {
    const { ctr, image } = bench;
    const other = `${ctr.namespace}-2`;
    await ctr.ok("-n", other, "images", "pull", image);
    loseSnapshots(bench);
    await ctr.ok("images", "pull", image);
    assert.match(await ctr.ok("-n", other, "images", "check"), / true$/m);
    await ctr.ok("-n", other, "images", "rm", "--sync", image);
    assert.is(await runs(bench), "two\n");
  }),
);

test("layers of other platforms are hashed and mended too, and those never pulled stay away", async () => {
  const arm = buildLayer([{ path: "arm", content: "arm" }]);
  const s390 = buildLayer([{ path: "s390", content: "s390" }]);
  const index = buildIndex([
    twoLayers,
    buildImage({ layers: [arm], platform: { os: "linux", architecture: "arm64" } }),
    buildImage({ layers: [s390], platform: { os: "linux", architecture: "s390x" } }),
  ]);
  await using bench = await openWorkbench({ image: index, isPulled: false });
  await bench.ctr.ok("images", "pull", "--platform", "linux/amd64", "--platform", "linux/arm64", bench.image);
  damage(bench, arm.descriptor.digest);
  assert.equal(await statusOf(bench), [["complete", true]], "this host's platform");
  assert.is((await bench.ctr("images", "check", "--verify")).code, 1);
  await bench.ctr.ok("images", "check", "--repair");
  await bench.ctr.ok("images", "check", "--verify");
  const blobs = await bench.ctr.ok("content", "ls", "-q");
  assert.ok(blobs.includes(arm.descriptor.digest) && !blobs.includes(s390.descriptor.digest));
});

test(
  "--repair fetches by digest from where the image came, whatever its name means by now",
  withImage(twoLayers, async (bench) => {
    const { ctr, image } = bench;
    await ctr.ok("images", "tag", image, "example.invalid/renamed:1");
    await ctr.ok("images", "rm", image);
    damage(bench, topLayer);
    await ctr.ok("images", "check", "--repair");
    assert.equal(await statusOf(bench, "--verify"), [["complete", true]]);
  }),
);

test(
  "damage that left no trace in the file's times is found by who reads the bytes, and fetched again",
  withImage(twoLayers, async (bench) => {
    const { ctr, image } = bench;
    for (const digest of [topLayer, config!, manifest!]) {
      damage(bench, digest);
      // Its row is younger than the damage now, as it is when a disk forgets bytes by itself.
      await ctr.ok("content", "label", digest, "seen=yes");
      loseSnapshots(bench);
      await ctr.ok("images", "pull", image);
      await ctr.ok("images", "check", "--verify");
    }
    assert.is(await runs(bench), "two\n");
  }),
);

test(
  "a run without what it would take says so, and leaves nothing half made",
  withImage(twoLayers, async (bench) => {
    const { ctr, image } = bench;
    damage(bench, topLayer);
    loseSnapshots(bench);
    const { code, stderr } = await ctr("run", "--rm", image, "c1");
    assert.is(code, 1);
    assert.match(stderr, /data loss/);
    await ctr.ok("images", "pull", image);
    assert.is(await runs(bench), "two\n");
    assert.is(await ctr.ok("leases", "ls", "-q"), "");
  }),
);

test(
  "several processes that mend the same image at once all succeed",
  withImage(twoLayers, async (bench) => {
    const { ctr, image } = bench;
    for (const digest of [topLayer, config!]) damage(bench, digest);
    loseSnapshots(bench);
    await Promise.all([
      ctr.ok("images", "pull", image),
      ctr.ok("images", "pull", image),
      ctr.ok("images", "check", "--repair"),
    ]);
    assert.equal(await statusOf(bench, "--verify"), [["complete", true]]);
    assert.is(await runs(bench), "two\n");
  }),
);

test(
  "--repair says in one line what it cannot mend",
  withImage(twoLayers, async (bench) => {
    const { ctr, registry } = bench;
    damage(bench, topLayer);
    await registry.stop();
    const { code, stderr } = await ctr("images", "check", "--repair");
    assert.is(code, 1);
    assert.match(stderr, /^ctr: unable to repair .*: unavailable/m);
  }),
);

test.run();
