import { join } from "node:path";
import type { SnapshotSweeper } from "../../core/collector.ts";
import { CtrError, ifPresent } from "../../core/errors.ts";
import { keepWritersOut } from "../../files/collection-lock.ts";
import { listNames } from "../../files/list-names.ts";
import { findPlugin } from "./find-plugin.ts";
import type { Plugin } from "./plugin.ts";
import { PluginNames } from "./plugin-names.ts";
import { removeSetAside } from "./removal.ts";

/** What the collector removes of the snapshots in plugins, of all that were ever used with this state directory. */
export function openProxySweepers(
  root: string,
  builtIn: readonly string[],
  configFile: string | undefined,
): SnapshotSweeper[] {
  return listNames(join(root, "snapshots"))
    .filter((name) => !builtIn.includes(name))
    .map((name) => openProxySweeper(root, name, configFile));
}

function openProxySweeper(root: string, name: string, configFile: string | undefined): SnapshotSweeper {
  const names = new PluginNames(root, name);
  return {
    snapshotter: name,
    directoryIds: async () => names.ids(),
    setAside: async (ids) => {
      for (const id of ids) names.setAside(id);
    },
    async purge() {
      if (names.unfinished().length > 0) {
        using _ = await keepWritersOut(root);
        names.removeUnfinished();
      }
      const ids = names.asideIds();
      if (ids.length === 0) return 0;
      let sizeBytes = 0;
      const plugin = await findIfAny(name, configFile);
      if (!plugin) return 0;
      try {
        await removeSetAside({ root, names, plugin, withOffered: true }, ids, async (snapshot) => {
          sizeBytes += await sizeOf(plugin, snapshot);
        });
      } finally {
        await plugin.close();
      }
      return sizeBytes;
    },
  };
}

/** A plugin that is configured no more, or wrongly, must not keep everything else from being collected. */
async function findIfAny(name: string, configFile: string | undefined): Promise<Plugin | undefined> {
  try {
    return await findPlugin(name, configFile, "default");
  } catch (error) {
    if (error instanceof CtrError) return undefined;
    throw error;
  }
}

async function sizeOf(plugin: Plugin, snapshot: string): Promise<number> {
  return (await ifPresent(() => plugin.usage(snapshot)))?.sizeBytes ?? 0;
}
