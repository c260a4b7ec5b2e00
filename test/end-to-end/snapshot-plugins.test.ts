import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { labelNames } from "../../src/core/labels.ts";
import { chainIds } from "../../src/core/manifest.ts";
import { busyboxLayer } from "../support/busybox-image.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import {
  type SnapshotPlugin,
  type SnapshotPluginOptions,
  startSnapshotPlugin,
} from "../support/snapshot-plugin.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const SERVE = join(import.meta.dirname, "../fixtures/snapshotters/serve-plugin.ts");

const test = suite("snapshot plugins");
let bench: Workbench;
let count = 0;
test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
});
test.after(async () => {
  await bench?.[Symbol.asyncDispose]();
});

interface Configured {
  address: string;
  root: string;
  database: string;
  config: string;
}

/** A configuration that names one plugin, `lazy`, that nobody serves yet. */
function configure(): Configured {
  const home = bench.directory.join(`plugin-${count++}`, "x");
  const at = (name: string) => join(dirname(home), name);
  mkdirSync(dirname(home), { recursive: true });
  const [address, config] = [at("socket"), at("config.toml")];
  writeFileSync(config, `version = 2\n[proxy_plugins.lazy]\ntype = "snapshot"\naddress = "${address}"\n`);
  return { address, root: at("root"), database: at("plugin.db"), config };
}

async function serving(
  options: Partial<SnapshotPluginOptions>,
  use: (configured: Configured, plugin: SnapshotPlugin) => Promise<void>,
): Promise<void> {
  const configured = configure();
  await using plugin = await startSnapshotPlugin({ ...configured, ...options });
  await use(configured, plugin);
}

/** Each configuration in a namespace of its own: what one plugin has the next knows nothing of. */
const using = (config: string, namespace = namespaceOf(config)) =>
  bench.ctr.with({
    env: { CTR_CONFIG: config, CONTAINERD_SNAPSHOTTER: "lazy", CONTAINERD_NAMESPACE: namespace },
  });

const namespaceOf = (config: string) => `${bench.ctr.namespace}-${basename(dirname(config))}`;

async function ok(ctr: ReturnType<typeof using>, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctr(...words);
  assert.is(code, 0, `${words.join(" ")}: ${stderr}`);
  return stdout;
}

const namesIn = async (plugin: SnapshotPlugin) =>
  (await Array.fromAsync(plugin.snapshotter.walk())).map(({ key }) => key);

test("an image is pulled to one and run on it, in two namespaces, and nothing of it stays", () =>
  serving({}, async ({ config }, plugin) => {
    const [one, two] = [using(config), using(config, `${namespaceOf(config)}-b`)];
    for (const ctr of [one, two]) {
      await ok(ctr, "images", "pull", bench.image);
      assert.is(await ok(ctr, "run", "--rm", bench.image, "same", "cat", "/etc/group"), GROUPS);
    }
    await ok(one, "run", "-d", bench.image, "same", "sh", "-c", "echo kept >/kept; sleep 1000");
    assert.match(await ok(one, "snapshots", "ls"), /^same +sha256:\S+ +Active/m);
    assert.is((await namesIn(plugin)).filter((name) => name.endsWith("/same")).length, 1);
    assert.is(await ok(two, "snapshots", "ls", "-q").then((names) => names.split("\n").length - 1), 1);
    await ok(one, "tasks", "delete", "--force", "same");
    await ok(one, "snapshots", "commit", "mine", "same");
    await ok(one, "snapshots", "prepare", "again", "mine");
    await ok(one, "snapshots", "rm", "again", "mine");
    await ok(one, "containers", "rm", "same");
    for (const ctr of [one, two]) await ok(ctr, "images", "rm", "--sync", bench.image);
    assert.equal(await namesIn(plugin), []);
    const namespaces = new Set(plugin.calls.map(({ namespace }) => namespace));
    assert.ok(namespaces.has(namespaceOf(config)) && namespaces.has(`${namespaceOf(config)}-b`));
    assert.ok(plugin.calls.every(({ request }) => request.snapshotter === "lazy" || request.name));
  }));

/** An image of two layers, the upper of which a plugin has from elsewhere. */
async function offeredImage() {
  const layers = [busyboxLayer(), buildLayer([{ path: "from", content: "the registry\n" }])];
  const image = await pushImage(buildImage({ layers }), bench.registry, "library/offered");
  const [first, top] = chainIds(layers.map(({ diffId }) => diffId));
  return { image, first: first!, top: top!, offers: new Map([[top!, { from: "the plugin\n" }]]) };
}

test("a layer that it offers is not unpacked", async () => {
  const { image, first, top, offers } = await offeredImage();
  await serving({ offers }, async ({ config }, plugin) => {
    const ctr = using(config);
    await ok(ctr, "images", "pull", image);
    assert.is(await ok(ctr, "run", "--rm", image, "c", "cat", "/from"), "the plugin\n");
    const info = JSON.parse(await ok(ctr, "snapshots", "info", top));
    assert.is(info.Parent, first);
    assert.is(info.Labels["containerd.io/snapshot/remote"], "yes");
    await ok(ctr, "images", "rm", "--sync", image);
    assert.equal(await namesIn(plugin), []);
    // What it had was removed, so that it has to offer it anew.
    await ok(ctr, "images", "pull", image);
    assert.is(await ok(ctr, "run", "--rm", image, "c", "cat", "/from"), "the plugin\n");
    await ok(ctr, "images", "rm", "--sync", image);
    assert.equal(await namesIn(plugin), []);
  });
});

test("a layer whose offer stands on another parent is unpacked", async () => {
  const { image, top, offers } = await offeredImage();
  await serving({ offers }, async ({ config }, plugin) => {
    const { snapshotter } = plugin;
    await snapshotter.prepare("going", "");
    await snapshotter.commit("another parent", "going");
    await snapshotter.prepare("fetching", "another parent");
    await snapshotter.commit(`remote ${top}`, "fetching", { labels: { [labelNames.snapshotRef]: top } });
    const ctr = using(config);
    assert.is(await ok(ctr, "run", "--rm", image, "c", "cat", "/from"), "the registry\n");
    await ok(ctr, "images", "rm", "--sync", image);
    assert.equal((await namesIn(plugin)).sort(), ["another parent", `remote ${top}`]);
  });
});

test("namespaces pull, run and give up the same layers at once, offered ones too", async () => {
  const { image, offers } = await offeredImage();
  await serving({ offers }, async ({ config }, plugin) => {
    const work = async (worker: number) => {
      const ctr = using(config, `${namespaceOf(config)}-${worker}`);
      for (let round = 0; round < 4; round++) {
        const [name, file] = (worker + round) % 2 ? [image, "/from"] : [bench.image, "/etc/group"];
        const output = await ok(ctr, "run", "--rm", name!, "c", "cat", file!);
        // Where the offer stands on a parent that is just going, the layer is unpacked.
        if (file === "/from") assert.match(output, /^the (plugin|registry)\n$/);
        else assert.is(output, GROUPS);
        await ok(ctr, "images", "rm", "--sync", name!);
      }
    };
    await Promise.all([1, 2, 3].map(work));
    // What stood on another's snapshot when it was to go goes with the next collection.
    await ok(using(config), "images", "pull", bench.image);
    await ok(using(config), "images", "rm", "--sync", bench.image);
    assert.equal(await namesIn(plugin), []);
  });
});

test("what it lost is unpacked again", () =>
  serving({}, async ({ config }, plugin) => {
    const ctr = using(config);
    await ok(ctr, "images", "pull", bench.image);
    for (const name of await namesIn(plugin)) await plugin.snapshotter.remove(name);
    await ok(ctr, "images", "pull", bench.image);
    assert.is(await ok(ctr, "run", "--rm", bench.image, "c", "cat", "/etc/group"), GROUPS);
    await ok(ctr, "images", "rm", "--sync", bench.image);
    assert.equal(await namesIn(plugin), []);
  }));

test("the whole is checked with it, and told when it does not answer or has lost something", async () => {
  const configured = configure();
  const ctr = using(configured.config);
  // Of the whole state directory: the other tests' namespaces are empty by now, but for what they could not end.
  const check = async (...words: string[]) => {
    const { code, stdout } = await ctr("system", "check", ...words);
    return `${code} ${stdout.split("\n").find((line) => line.includes(namespaceOf(configured.config))) ?? ""}`;
  };
  {
    await using plugin = await startSnapshotPlugin(configured);
    await ok(ctr, "images", "pull", bench.image);
    assert.is(await check(), "0 ");
    for (const name of await namesIn(plugin)) await plugin.snapshotter.remove(name);
    assert.match(await check(), /^1 wrong +snapshots\/lazy/);
    assert.match(await check("--repair"), /^0 repaired +snapshots\/lazy/);
    assert.is(await check(), "0 ");
  }
  assert.match(await check(), /^1 wrong +snapshots\/lazy.* its snapshotter lazy does not answer/);
  await using stalled = await startSnapshotPlugin({
    ...configured,
    onCall: () => new Promise<void>(() => {}),
  });
  const { code, stderr } = await ctr("--timeout", "300ms", "snapshots", "prepare", "key");
  assert.equal([code, stderr], [1, "ctr: context deadline exceeded\n"]);
  assert.ok(stalled.calls.length > 0);
});

test("one that is killed in the middle is one clear line, and once it is back nothing is lost", async () => {
  for (const deadly of ["Prepare", "Commit", "Remove"]) {
    const { address, root, database, config } = configure();
    const serve = async (...more: string[]) => {
      rmSync(address, { force: true });
      const child = Bun.spawn([process.execPath, SERVE, address, root, database, ...more], {
        ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
      });
      await child.stdout.getReader().read();
      return child;
    };
    const ctr = using(config);
    const dying = await serve(deadly);
    try {
      const pulled = await ctr("images", "pull", bench.image);
      const run = await ctr("run", "--rm", bench.image, "c", "true");
      assert.is(pulled.code, deadly === "Remove" ? 0 : 1, pulled.stderr);
      if (deadly === "Remove") assert.is(run.code, 0, run.stderr);
      else assert.match(lastLine(pulled.stderr), `snapshotter lazy: no answer at ${address}: unavailable (`);
      await dying.exited;
    } finally {
      dying.kill("SIGKILL");
      await dying.exited;
    }
    const back = await serve();
    try {
      await ok(ctr, "images", "pull", bench.image);
      assert.is(await ok(ctr, "run", "--rm", bench.image, "c", "cat", "/etc/group"), GROUPS);
      // A pull that failed in passing keeps what it had for the next one, for a day.
      await ok(ctr, "leases", "rm", ...(await ok(ctr, "leases", "ls", "-q")).split("\n").filter(Boolean));
      await ok(ctr, "images", "rm", "--sync", bench.image);
      assert.is(await ok(ctr, "snapshots", "ls", "-q"), "");
    } finally {
      back.kill("SIGKILL");
      await back.exited;
    }
    await using plugin = await startSnapshotPlugin({ address: `${address}2`, root, database });
    assert.equal(await namesIn(plugin), [], deadly);
  }
});

test("none that answers, none configured and a configuration that is wrong are one clear line each", async () => {
  const { address, config } = configure();
  const refused = async (config: string, pattern: RegExp | string) => {
    const { code, stdout, stderr } = await using(config)("snapshots", "prepare", "key");
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.is(stderr.trimEnd().split("\n").length, 1, stderr);
    assert.match(stderr, pattern);
  };
  await refused(
    config,
    `ctr: snapshotter lazy: no answer at ${address}: unavailable (see that the plugin runs`,
  );
  assert.is(await ok(using(config), "snapshots", "ls", "-q"), "");
  const written = (text: string) => {
    const path = bench.directory.join(`config-${count++}.toml`);
    writeFileSync(path, text);
    return path;
  };
  await refused(written(""), "ctr: snapshotter not loaded: lazy: invalid argument");
  await refused(
    written("[proxy_plugins.lazy]\ntype = 'diff'\naddress = '/x'\n"),
    /not loaded: lazy: .*"diff"/,
  );
  await refused(
    written("[proxy_plugins.lazy]\ntype = 'snapshot'\n"),
    /proxy_plugins\.lazy\.address is not a string/,
  );
  await refused(
    written("[proxy_plugins.'../up']\ntype = 'snapshot'\n"),
    /proxy_plugins\.\.\.\/up: identifier/,
  );
  await refused(written("[proxy_plugins\n"), /config-\d+\.toml: .*: invalid argument/);
  await refused(join(address, "../nowhere.toml"), /nowhere\.toml.*: no such file or directory/);
});

test("the list of plugins tells which of them answer", () =>
  serving({}, async ({ config, address }) => {
    const list = (...words: string[]) => ok(using(config), "plugins", "ls", ...words);
    const more = `[proxy_plugins.gone]\ntype = "snapshot"\naddress = "${address}-gone"
[proxy_plugins.other]\ntype = "content"\naddress = "/x"\n[proxy_plugins.overlayfs]\ntype = "snapshot"\naddress = "/x"\n`;
    writeFileSync(config, `${await Bun.file(config).text()}${more}`);
    const table = await list();
    assert.match(table, /^TYPE +ID +PLATFORMS +STATUS +\n/);
    assert.match(table, /^io\.containerd\.snapshotter\.v1 +overlayfs +linux\/\S+ +ok +$/m);
    assert.match(table, /^io\.containerd\.metadata\.v1 +sqlite +- +ok +$/m);
    assert.match(table, /^io\.containerd\.snapshotter\.v1 +lazy +- +ok +$/m);
    assert.match(table, /^io\.containerd\.snapshotter\.v1 +gone +- +error +$/m);
    assert.match(table, /^io\.containerd\.content\.v1 +other +- +skip +$/m);
    assert.match(table, /^io\.containerd\.snapshotter\.v1 +overlayfs +- +error +$/m);
    assert.is(await list("-q", "id==lazy", "id==walking"), "walking\nlazy\n");
    assert.match(
      await list("-d", "id==gone"),
      /^Error: +\n +Code: +Unavailable\n +Message: +snapshotter gone: no answer/m,
    );
    const [record] = JSON.parse(await list("-o", "json", "id==lazy"));
    assert.equal(record.exports, { address });
    assert.is(
      (await bench.ctr.with({ env: { PATH: "" } })("plugins", "ls", "id==task")).stdout.includes("error"),
      true,
    );
  }));

const GROUPS = "root:x:0:\nweb:x:1001:\nextra:x:2000:www\nnogroup:x:65534:\n";
const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

test.run();
