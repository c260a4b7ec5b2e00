import { hasCode } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { callPlugin, requirePlugin } from "./call-plugin.ts";
import type { PluginConfig } from "./config.ts";
import { keptNetns } from "./netns.ts";
import { type PluginResult, parseResult } from "./plugin-result.ts";
import type { AttachmentRecord } from "./records.ts";
import { tellsResultOnRemoval } from "./version.ts";

export interface ChainOptions {
  /** What plugins know the container by. */
  containerId: string;
  lockFd: number;
}

export interface AddOptions {
  signal?: AbortSignal;
  log?: (line: string) => void;
}

export interface RemoveOptions extends Partial<Progress> {
  /** For each plugin. */
  timeoutMs: number;
}

/** No plugin may keep others from tidying up for ever, nor somebody who is waiting for something else. */
export const REMOVAL_MS = { patient: 30_000, hurried: 5_000 } as const;

/** Throws NotFound unless all plugins are there, before any has done anything. */
export function requirePlugins({ network, pluginDirectories }: AttachmentRecord): void {
  for (const { type } of network.plugins) requirePlugin(type, pluginDirectories);
}

/** How many of the plugins may hold something that they have to give back. */
export interface Progress {
  holderCount: number;
}

/** Calls the plugins one after the other, each with the answer of the one before; answers the last one's. */
export async function addAll(
  record: AttachmentRecord,
  progress: Progress,
  options: ChainOptions & AddOptions,
): Promise<PluginResult> {
  let result: PluginResult = {};
  for (const [index, plugin] of record.network.plugins.entries()) {
    const config = configFor(record, plugin, index === 0 ? undefined : result);
    const call = { ...callOf(record, plugin, record.netns), ...options };
    progress.holderCount = index + 1;
    const stdout = await callPlugin({ ...call, command: "ADD", config }).catch((error) => {
      // What does not like its configuration will not like it on removal.
      if (hasCode(error, "Unknown", "NotFound", "FailedPrecondition")) progress.holderCount = index;
      throw error;
    });
    const subject = `result of plugin type=${quote(plugin.type)}`;
    result = parseResult(stdout, record.network.cniVersion, subject);
  }
  return result;
}

/**
 * Calls the plugins in reverse order. One that fails does not keep the others from giving back what they hold; the
 * first failure of those that hold something is thrown in the end.
 */
export async function removeAll(
  record: AttachmentRecord,
  { holderCount = record.network.plugins.length, ...options }: ChainOptions & RemoveOptions,
): Promise<void> {
  const { network, result } = record;
  const known = tellsResultOnRemoval(network.cniVersion) ? result : undefined;
  const netns = keptNetns(record.netns) ?? "";
  const failures: unknown[] = [];
  for (const [index, plugin] of [...network.plugins.entries()].reverse()) {
    const call = { ...callOf(record, plugin, netns), ...options };
    try {
      await callPlugin({ ...call, command: "DEL", config: configFor(record, plugin, known) });
    } catch (error) {
      if (index < holderCount) failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

const callOf = (record: AttachmentRecord, { type }: PluginConfig, netns: string) => ({
  type,
  netns,
  interfaceName: record.interfaceName,
  args: record.args,
  directories: record.pluginDirectories,
});

/** All plugins of a network get its name and version, and of what the caller wants done what they can do. */
function configFor(
  { network, capabilityArgs }: AttachmentRecord,
  plugin: PluginConfig,
  prevResult: PluginResult | undefined,
): object {
  const wanted = Object.entries(capabilityArgs).filter(([name]) => plugin.capabilities?.[name] === true);
  return {
    ...plugin,
    name: network.name,
    cniVersion: network.cniVersion,
    ...(prevResult && { prevResult }),
    ...(wanted.length > 0 && { runtimeConfig: Object.fromEntries(wanted) }),
  };
}
