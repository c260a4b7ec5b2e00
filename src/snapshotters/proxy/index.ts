import type { SnapshotRecordStore } from "../../core/records.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import { findPlugin } from "./find-plugin.ts";
import { openProxy } from "./snapshotter.ts";

export { DEFAULT_CONFIG_FILES, type ProxyPlugin, readProxyPlugins } from "./config.ts";
export { Plugin } from "./plugin.ts";
export { openProxySweepers } from "./sweeper.ts";

export interface ConfiguredProxyOptions {
  /** The state directory. */
  root: string;
  namespace: string;
  records: SnapshotRecordStore;
  /** The default ones without it. */
  configFile: string | undefined;
}

/** Throws as `findPlugin`; connects when first used. */
export async function openConfiguredProxy(
  name: string,
  { root, namespace, records, configFile }: ConfiguredProxyOptions,
): Promise<Snapshotter> {
  const plugin = await findPlugin(name, configFile, namespace);
  return openProxy({ root, namespace, records, plugin });
}
