import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { openMetadata } from "../../../src/metadata/index.ts";
import { Plugin } from "../../../src/snapshotters/proxy/plugin.ts";
import { openProxy } from "../../../src/snapshotters/proxy/snapshotter.ts";
import { snapshotterSuite } from "../../suites/snapshotter.ts";
import { type SnapshotPlugin, startSnapshotPlugin } from "../../support/snapshot-plugin.ts";

/** One plugin serves all namespaces of a state directory. */
const serving = new Map<string, { plugin: Promise<SnapshotPlugin>; users: number }>();

snapshotterSuite("proxied", async (root, namespace) => {
  const address = join(dirname(root), "plugin.sock");
  mkdirSync(join(root, "snapshots"), { recursive: true });
  const served = serving.get(root) ?? {
    plugin: startSnapshotPlugin({
      address,
      root: join(root, "snapshots/of-the-plugin"),
      database: join(dirname(root), "plugin.db"),
    }),
    users: 0,
  };
  serving.set(root, served);
  served.users++;
  await served.plugin;
  const metadata = openMetadata(`${root}/metadata.db`);
  const plugin = new Plugin({ name: "proxied", address }, namespace);
  const records = metadata.snapshots(namespace, "proxied");
  const snapshotter = openProxy({ root, namespace, records, plugin });
  return Object.assign(snapshotter, {
    async [Symbol.asyncDispose]() {
      await snapshotter.close?.();
      metadata.close();
      if (--served.users > 0) return;
      serving.delete(root);
      await (await served.plugin)[Symbol.asyncDispose]();
    },
  });
});
