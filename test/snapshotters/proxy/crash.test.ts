import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../../src/content/index.ts";
import { hasCode } from "../../../src/core/errors.ts";
import { type Metadata, openMetadata } from "../../../src/metadata/index.ts";
import { openSnapshotSweepers } from "../../../src/snapshotters/index.ts";
import { Plugin } from "../../../src/snapshotters/proxy/plugin.ts";
import { openProxy } from "../../../src/snapshotters/proxy/snapshotter.ts";
import { mountAll, unmountAll } from "../../../src/sys/mount.ts";
import { type SnapshotPlugin, startSnapshotPlugin } from "../../support/snapshot-plugin.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";

const CHURN = join(import.meta.dirname, "../../fixtures/snapshotters/churn-plugin.ts");

interface Bench extends AsyncDisposable {
  root: string;
  address: string;
  config: string;
  metadata: Metadata;
  served: SnapshotPlugin;
  snapshotter: ReturnType<typeof openProxy>;
}

async function openBench(dir: TempDir): Promise<Bench> {
  const [root, address, config] = [dir.join("state"), dir.join("socket"), dir.join("config.toml")];
  writeFileSync(config, `[proxy_plugins.churned]\ntype = "snapshot"\naddress = "${address}"\n`);
  const served = await startSnapshotPlugin({
    address,
    root: dir.join("plugin"),
    database: dir.join("plugin.db"),
  });
  const metadata = openMetadata(`${root}/metadata.db`);
  const plugin = new Plugin({ name: "churned", address }, "default");
  const records = metadata.snapshots("default", "churned");
  const snapshotter = openProxy({ root, namespace: "default", records, plugin });
  const dispose = async () => {
    await snapshotter.close?.();
    metadata.close();
    await served[Symbol.asyncDispose]();
  };
  return { root, address, config, metadata, served, snapshotter, [Symbol.asyncDispose]: dispose };
}

const heldBy = async ({ snapshotter }: SnapshotPlugin) =>
  (await Array.fromAsync(snapshotter.walk())).map(({ key }) => key);

async function collect({ root, config, metadata }: Bench) {
  return metadata.collectGarbage({
    root,
    content: openContentSweeper(root),
    snapshotters: await openSnapshotSweepers(root, config),
  });
}

async function churnAndKill({ root, address }: Bench, seed: string, rounds: number): Promise<void> {
  const child = Bun.spawn([process.execPath, CHURN, root, seed, address], { stdout: "pipe" });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += Buffer.from(chunk).toString();
    if (printed.split("\n").length > rounds) break;
  }
  child.kill("SIGKILL");
  await child.exited;
}

test("whoever is killed when, what has a row can be mounted or committed, and the collector empties the plugin", async () => {
  using dir = tempDir();
  await using bench = await openBench(dir);
  const { snapshotter } = bench;
  for (let kill = 0; kill < 6; kill++) await churnAndKill(bench, `${kill}`, kill);
  const place = join(dir.path, "place");
  mkdirSync(place);
  const all = await Array.fromAsync(snapshotter.walk());
  assert.ok(all.length > 0);
  for (const { key, kind } of all) {
    if (kind === "Committed") {
      mountAll(await snapshotter.view(`view of ${key}`, key), place);
    } else {
      try {
        mountAll(await snapshotter.mounts(key), place);
      } catch (error) {
        // Killed between the plugin's commit and the row's: the same commit goes on where it ended.
        if (!hasCode(error, "NotFound") || kind !== "Active") throw error;
        await snapshotter.commit(`late ${key}`, key);
        continue;
      }
    }
    unmountAll(place);
  }
  await collect(bench);
  assert.equal(await Array.fromAsync(snapshotter.walk()), []);
  assert.equal(await heldBy(bench.served), []);
  assert.equal(readdirSync(join(bench.root, "snapshots/churned")), []);
});

test("a commit that the plugin made and nobody recorded is found", async () => {
  using dir = tempDir();
  await using bench = await openBench(dir);
  const { snapshotter, served } = bench;
  await snapshotter.prepare("key", "");
  const [name = ""] = await heldBy(served);
  const file = join(bench.root, "snapshots/churned/1");
  writeFileSync(file, JSON.stringify([name, `${name} committed`]));
  await served.snapshotter.commit(`${name} committed`, name);
  await snapshotter.commit("name", "key");
  assert.is((await snapshotter.stat("name")).kind, "Committed");
  await snapshotter.prepare("above", "name");
  await snapshotter.remove("above");
  await snapshotter.remove("name");
  assert.equal(await heldBy(served), []);
});

test("what the plugin could not remove while it was away is collected when it is back", async () => {
  using dir = tempDir();
  await using bench = await openBench(dir);
  const { snapshotter, served } = bench;
  for (const [name, parent] of [
    ["one", ""],
    ["two", "one"],
    ["three", "two"],
  ] as const) {
    await snapshotter.prepare(`key of ${name}`, parent);
    await snapshotter.commit(name, `key of ${name}`);
  }
  assert.is((await heldBy(served)).length, 3);
  const without = dir.join("without.toml");
  writeFileSync(without, "");
  await collect({ ...bench, config: without });
  assert.equal(await Array.fromAsync(snapshotter.walk()), []);
  assert.is((await heldBy(served)).length, 3);
  writeFileSync(join(bench.root, "snapshots/churned/.tmp-of-one-killed"), "[");
  // Parents before children, as the directory lists them.
  await collect(bench);
  assert.equal(await heldBy(served), []);
  assert.equal(readdirSync(join(bench.root, "snapshots/churned")), []);
});

test.run();
