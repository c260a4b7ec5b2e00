import type { GlobalValues } from "./globals.ts";

/** What a command is given besides its own flags and arguments. */
export interface Context {
  readonly globals: GlobalValues;
  /** Aborts when `--timeout` is over. */
  readonly signal: AbortSignal;
}
