import { snapshotterNames as builtIn } from "../../snapshotters/index.ts";
import { readProxyPlugins } from "../../snapshotters/proxy/index.ts";

/** The built-in ones, and those of the configuration. Throws as `readProxyPlugins`. */
export async function snapshotterNames(configFile: string | undefined): Promise<string[]> {
  const plugins = await readProxyPlugins(configFile);
  const names = plugins.filter(({ type }) => type === "snapshot").map(({ name }) => name);
  return [...new Set([...builtIn, ...names])];
}
