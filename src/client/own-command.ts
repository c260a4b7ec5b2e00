import type { Client } from "./open.ts";

/** Whether this is the standalone executable, and not Bun with the sources' entry point. */
export function isStandalone(): boolean {
  return Bun.main.startsWith("/$bunfs");
}

/** The command line that starts this program. */
function ownCommand(): string[] {
  return isStandalone() ? [process.execPath] : [process.execPath, Bun.main];
}

/** The command line of one of ctr's own hidden commands, on the same state directory and namespace. */
export function internalCommand(client: Client, ...words: string[]): string[] {
  const { root, state, namespace, configFile } = client;
  const config = configFile === undefined ? [] : ["--config", configFile];
  return [...ownCommand(), "--root", root, "--state", state, "--namespace", namespace, ...config, ...words];
}
