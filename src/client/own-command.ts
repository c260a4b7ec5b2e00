import type { Client } from "./open.ts";

/** The command line that starts this program: the standalone executable, or Bun with the sources' entry point. */
function ownCommand(): string[] {
  const isStandalone = Bun.main.startsWith("/$bunfs");
  return isStandalone ? [process.execPath] : [process.execPath, Bun.main];
}

/** The command line of one of ctr's own hidden commands, on the same state directory and namespace. */
export function internalCommand(client: Client, ...words: string[]): string[] {
  const { root, state, namespace, configFile } = client;
  const config = configFile === undefined ? [] : ["--config", configFile];
  return [...ownCommand(), "--root", root, "--state", state, "--namespace", namespace, ...config, ...words];
}
