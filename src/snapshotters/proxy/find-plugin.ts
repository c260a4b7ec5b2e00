import { CtrError } from "../../core/errors.ts";
import { readProxyPlugins } from "./config.ts";
import { Plugin } from "./plugin.ts";

/**
 * The snapshot plugin of that name in the configuration, not yet connected. Throws InvalidArgument when there is none,
 * and for a malformed configuration.
 */
export async function findPlugin(
  name: string,
  configFile: string | undefined,
  namespace: string,
): Promise<Plugin> {
  const plugin = (await readProxyPlugins(configFile)).find((each) => each.name === name);
  if (plugin?.type === "snapshot") return new Plugin(plugin, namespace);
  const hint = plugin && `its type in the configuration is ${JSON.stringify(plugin.type)}, not "snapshot"`;
  throw new CtrError("InvalidArgument", `snapshotter not loaded: ${name}`, { hint });
}
