import { resolve } from "node:path";
import type { Client } from "../client/open.ts";
import type { GlobalValues } from "./globals.ts";
import { UsageError } from "./usage-error.ts";

/** What a command is given besides its own flags and arguments. */
export interface Context {
  readonly globals: GlobalValues;
  /** Aborts when `--timeout` is over. */
  readonly signal: AbortSignal;
  /** The state directory in the namespace asked for; closed when the command has ended. */
  openClient(): Promise<Client>;
}

/** An empty one, as an unset variable in a script leaves it, must not become whichever directory that script is in. */
function directory(flag: string, path: string): string {
  if (path === "") throw new UsageError(`--${flag} must name a directory`);
  return resolve(path);
}

/** A context whose client, if it is asked for one, is closed with it. */
export function createContext(globals: GlobalValues, signal: AbortSignal): Context & AsyncDisposable {
  let opened: Promise<Client> | undefined;
  const open = async (): Promise<Client> => {
    const { openClient } = await import("../client/open.ts");
    const { root, state, namespace, config } = globals;
    return openClient({
      root: directory("root", root),
      state: directory("state", state),
      namespace,
      configFile: config ? resolve(config) : undefined,
    });
  };
  return {
    globals,
    signal,
    openClient: () => (opened ??= open()),
    async [Symbol.asyncDispose]() {
      const client = await opened?.catch(() => undefined);
      await client?.[Symbol.asyncDispose]();
    },
  };
}
