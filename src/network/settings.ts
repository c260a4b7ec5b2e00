import { resolve } from "node:path";
import { CtrError } from "../core/errors.ts";

const CONFIG_DIRECTORY = "/etc/cni/net.d";
/** Where plugins' own packages put them, and where Debian does. */
const PLUGIN_DIRECTORIES = ["/opt/cni/bin", "/usr/lib/cni"];

/** What the environment says about networks, under the names that cnitool gave these variables. */
export interface NetworkSettings {
  /** NETCONFPATH. */
  configDirectory: string;
  /** CNI_PATH. */
  pluginDirectories: string[];
  /** CNI_ARGS: `KEY=VALUE;KEY=VALUE`, for all plugins. */
  args: string;
  /** CAP_ARGS: for plugins that have the capability; `{"portMappings": […]}`. */
  capabilityArgs: Readonly<Record<string, unknown>>;
}

/** Empty variables are as good as none. Throws InvalidArgument. */
export function readSettings(environment: NodeJS.ProcessEnv): NetworkSettings {
  const { NETCONFPATH, CNI_PATH, CNI_ARGS, CAP_ARGS } = environment;
  const directories = (CNI_PATH ?? "").split(":").filter(Boolean);
  return {
    configDirectory: resolve(NETCONFPATH || CONFIG_DIRECTORY),
    pluginDirectories: directories.length > 0 ? directories.map((path) => resolve(path)) : PLUGIN_DIRECTORIES,
    args: checkedArgs(CNI_ARGS ?? ""),
    capabilityArgs: CAP_ARGS ? parseCapabilityArgs(CAP_ARGS) : {},
  };
}

function checkedArgs(args: string): string {
  if (args === "" || /^[^=;]+=[^;]*(;[^=;]+=[^;]*)*$/.test(args)) return args;
  throw new CtrError("InvalidArgument", "CNI_ARGS is not KEY=VALUE;KEY=VALUE");
}

function parseCapabilityArgs(text: string): Readonly<Record<string, unknown>> {
  try {
    const args: unknown = JSON.parse(text);
    if (typeof args === "object" && args !== null && !Array.isArray(args)) {
      return args as Record<string, unknown>;
    }
  } catch {
    // As wrong as any other text that is no object.
  }
  throw new CtrError("InvalidArgument", "CAP_ARGS is not a JSON object");
}
