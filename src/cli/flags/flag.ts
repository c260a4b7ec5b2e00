import type { Completion } from "../completion/kinds.ts";
import {
  parseBoolean,
  parseDuration,
  parseFloat64,
  parseInteger,
  parseIntegerElement,
  parseSize,
} from "./values.ts";

/** One flag of a command. Its name is its key in the definition: `skipVerify` is `--skip-verify`. */
export interface Flag<T> {
  readonly kind: "boolean" | "value" | "list";
  readonly summary: string;
  /** Second spelling: `k` is `-k`. */
  readonly alias?: string;
  /** Environment variable that stands in when the flag is not given. */
  readonly env?: string;
  readonly default: T;
  /** What help shows in place of the value. */
  readonly placeholder: string;
  readonly completion?: Completion;
  /** One value from its text; throws `BadValue`. */
  readonly parse: (text: string) => unknown;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface FlagOptions {
  alias?: string;
  env?: string;
  placeholder?: string;
  completion?: Completion;
}

interface ValueFlag<T> {
  (summary: string, options: FlagOptions & { default: T }): Flag<T>;
  (summary: string, options?: FlagOptions): Flag<T | undefined>;
}

function valueFlag<T>(parse: (text: string) => T, placeholder: string): ValueFlag<T> {
  return (summary: string, options: FlagOptions & { default?: T } = {}) => ({
    kind: "value" as const,
    placeholder,
    parse,
    summary,
    ...options,
    default: options.default as T,
  });
}

/** `--rm`, or Go's `--rm=false`. */
export const booleanFlag = (summary: string, options: FlagOptions = {}): Flag<boolean> => ({
  kind: "boolean",
  placeholder: "",
  parse: parseBoolean,
  default: false,
  summary,
  ...options,
});

export const stringFlag = valueFlag((text) => text, "VALUE");
/** Milliseconds, written in Go's syntax: `1m30s`. */
export const durationFlag = valueFlag(parseDuration, "DURATION");
export const integerFlag = valueFlag(parseInteger, "N");
export const floatFlag = valueFlag(parseFloat64, "N");
/** Bytes: `1048576`, or `1MiB`. */
export const sizeFlag = valueFlag(parseSize, "BYTES");

/** Given any number of times; commas stay as they are. */
export const listFlag = (summary: string, options: FlagOptions = {}): Flag<readonly string[]> => ({
  kind: "list",
  placeholder: "VALUE",
  parse: (text) => text,
  default: [],
  summary,
  ...options,
});

export const integerListFlag = (summary: string, options: FlagOptions = {}): Flag<readonly number[]> => ({
  kind: "list",
  placeholder: "N",
  parse: parseIntegerElement,
  default: [],
  summary,
  ...options,
});

/** `skipVerify` as it stands on the command line: `skip-verify`. */
export const flagName = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
