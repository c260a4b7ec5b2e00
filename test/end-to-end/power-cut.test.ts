import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { type Ctr, createCtr } from "../support/ctr.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { type LosableDisk, losableDisk, type PowerCut } from "../support/losable-disk.ts";
import { pushImage } from "../support/push-image.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Files of several sizes: ext4 holds the data of all of them back until it is told. */
const dataLayer = (name: string, ...sizes: number[]) =>
  buildLayer(
    sizes.flatMap((size) =>
      Array.from({ length: 20 }, (_, at) => ({
        path: `data/${name}/${size}-${at}`,
        content: randomBytes(size),
      })),
    ),
  );

const config = { Cmd: ["sh"], Env: ["PATH=/bin"] };
const layers = [busyboxLayer(), ...["a", "b", "c"].map((name) => dataLayer(name, 1, 5000, 70_000))];
const image = buildImage({ layers, config });
/** What is small is synced together, and not with what is large where that is here already. */
const smallLayers = ["d", "e", "f", "g"].map((name) => dataLayer(name, 1, 5000));
const extended = buildImage({ layers: [...layers, ...smallLayers], config });

const SUMS = ["sh", "-c", "find /bin/busybox /data -type f | sort | xargs sha256sum | sha256sum"];

let directory: TempDir;
let registry: Registry;
let ref: string;
let sums: string;
let extendedRef: string;
let extendedSums: string;
const test = suite("a power cut");
test.before(async () => {
  directory = tempDir();
  registry = await startRegistry(directory.path);
  ref = await pushImage(image, registry, "library/lasting");
  await using ctr = createCtr(directory.join("undisturbed"));
  sums = await ctr.ok("run", "--rm", ref, "sums", ...SUMS);
  extendedRef = await pushImage(extended, registry, "library/extended");
  extendedSums = await ctr.ok("run", "--rm", extendedRef, "sums", ...SUMS);
});
test.after(async () => {
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

/** Boots what the cut left, with nothing in the state directory, and gives `look` a ctr on it. */
async function after(cut: PowerCut, { namespace }: Ctr, look: (ctr: Ctr) => Promise<void>): Promise<void> {
  const place = cut.boot();
  await using booted = createCtr(place);
  rmSync(booted.state, { recursive: true, force: true });
  const env = { CONTAINERD_NAMESPACE: namespace };
  const call = booted.with({ env });
  const ok = async (...words: string[]) => {
    const { code, stdout, stderr } = await call(...words);
    assert.is(code, 0, `ctr ${words.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  await look(Object.assign(call, booted, { ok }));
}

async function onLosableDisk(work: (ctr: Ctr, disk: LosableDisk) => Promise<void>): Promise<void> {
  using disk = losableDisk();
  await using ctr = createCtr(disk.path);
  await work(ctr, disk);
}

test("a pulled image is whole", () =>
  onLosableDisk(async (ctr, disk) => {
    await ctr.ok("images", "pull", ref);
    await after(disk.cut(), ctr, async (booted) => {
      assert.is(await booted.ok("images", "list", "-q"), `${ref}\n`);
      await booted.ok("images", "check", "--verify");
      await booted.ok("system", "check");
      assert.is(await booted.ok("run", "--rm", ref, "sums", ...SUMS), sums);
    });
  }));

test("small layers above those of another image are whole", () =>
  onLosableDisk(async (ctr, disk) => {
    await ctr.ok("images", "pull", ref);
    // In their order: the lowest is synced when it is written, and then all that was before.
    await ctr.ok("images", "pull", "--max-concurrent-downloads", "1", extendedRef);
    await after(disk.cut(), ctr, async (booted) => {
      await booted.ok("images", "check", "--verify");
      assert.is(await booted.ok("run", "--rm", extendedRef, "sums", ...SUMS), extendedSums);
    });
  }));

test("what a command answered is so", () =>
  onLosableDisk(async (ctr, disk) => {
    await ctr.ok("images", "pull", ref);
    // The last to close it would sync it.
    using bystander = new Database(join(ctr.root, "metadata.db"), { readonly: true });
    bystander.query("SELECT count(*) FROM images").get();
    const steps: [words: string[], proof: string[], expected: RegExp][] = [
      [["images", "tag", ref, "other:1"], ["images", "list", "-q"], /^other:1$/m],
      [["images", "label", ref, "colour=red"], ["images", "list"], /colour=red/],
      [["containers", "create", ref, "kept"], ["containers", "list", "-q"], /^kept$/m],
      [["containers", "label", "kept", "size=big"], ["containers", "info", "kept"], /"size": "big"/],
      [["leases", "create", "--id", "mine"], ["leases", "list", "-q"], /^mine$/m],
      [["snapshots", "prepare", "upper"], ["snapshots", "list"], /^upper +Active/m],
      [["namespaces", "create", "apart"], ["namespaces", "list", "-q"], /^apart$/m],
      [["containers", "delete", "kept"], ["containers", "list", "-q"], /^$/],
    ];
    for (const [words, proof, expected] of steps) {
      await ctr.ok(...words);
      await after(disk.cut(), ctr, async (booted) => {
        assert.match(await booted.ok(...proof), expected, words.join(" "));
        await booted.ok("system", "check", "--repair");
      });
    }
  }));

test("bytes that were taken in are there", () =>
  onLosableDisk(async (ctr, disk) => {
    const bytes = randomBytes(300_000);
    const file = directory.join("bytes");
    writeFileSync(file, bytes);
    const { code } = await ctr.with({ stdin: Bun.file(file) })("content", "ingest", "some");
    assert.is(code, 0);
    const digest = `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    await after(disk.cut(), ctr, async (booted) => {
      assert.is(await booted.ok("content", "list", "-q"), `${digest}\n`);
      await booted.ok("system", "check");
    });
  }));

test("in the midst of a pull is mended by the next pull", () =>
  onLosableDisk(async (ctr, disk) => {
    const pull = ctr.start(["images", "pull", ref]);
    const cuts: PowerCut[] = [];
    while (pull.exitCode === null && cuts.length < 40) cuts.push(await cutSoon(disk));
    assert.is(await pull.exited, 0);
    // The last ones are the ones in which there is much.
    for (const cut of cuts.slice(-8)) {
      await after(cut, ctr, async (booted) => {
        await booted.ok("system", "check", "--repair");
        await booted.ok("images", "pull", ref);
        await booted.ok("images", "check", "--verify");
        assert.is(await booted.ok("run", "--rm", ref, "sums", ...SUMS), sums);
      });
    }
  }));

test("among runs of containers that nobody keeps leaves nothing that is in their way", () =>
  onLosableDisk(async (ctr, disk) => {
    await ctr.ok("images", "pull", ref);
    const cuts: PowerCut[] = [];
    for (let round = 0; round < 4; round++) {
      const runs = ["one", "two"].map((id) => ctr("run", "--rm", ref, id, "sh", "-c", "echo x > /new; sync"));
      cuts.push(await cutSoon(disk));
      for (const { code, stderr } of await Promise.all(runs)) assert.is(code, 0, stderr);
    }
    for (const cut of cuts) {
      await after(cut, ctr, async (booted) => {
        for (const id of ["one", "two"]) await booted.ok("run", "--rm", ref, id, "true");
        assert.is(await booted.ok("containers", "list", "-q"), "");
        await booted.ok("system", "check", "--repair");
        await booted.ok("system", "check");
        assert.is(await booted.ok("run", "--rm", ref, "sums", ...SUMS), sums);
      });
    }
  }));

test("while an image is removed takes nothing from another", () =>
  onLosableDisk(async (ctr, disk) => {
    await ctr.ok("images", "pull", ref);
    await ctr.ok("images", "tag", ref, "other:1");
    const removal = ctr("images", "delete", "--sync", ref);
    const cuts = [await cutSoon(disk)];
    assert.is((await removal).code, 0);
    cuts.push(disk.cut());
    for (const cut of cuts) {
      await after(cut, ctr, async (booted) => {
        assert.match(await booted.ok("images", "list", "-q"), /^other:1$/m);
        assert.is(await booted.ok("run", "--rm", "other:1", "sums", ...SUMS), sums);
      });
    }
  }));

/** Lets other work go on first, so that each cut finds it further. */
async function cutSoon(disk: LosableDisk): Promise<PowerCut> {
  await new Promise(setImmediate);
  return disk.cut();
}

test.run();
