import { nearest } from "../nearest.ts";
import { UsageError } from "../usage-error.ts";
import { type Flag, type Flags, flagName } from "./flag.ts";
import { BadValue } from "./values.ts";

/** A flag as it was given: its key in the definition and the text of its value (`true` for a bare boolean). */
export interface GivenFlag {
  key: string;
  text: string;
}

export interface Normalised {
  given: GivenFlag[];
  positionals: string[];
  /** How many positionals stood before a `--`; undefined without one. */
  separatorAt: number | undefined;
  wantsHelp: boolean;
}

export interface Spelling {
  key: string;
  flag: Flag<unknown>;
}

/** Every spelling of every flag, without dashes. */
export function spellings(flags: Flags): Map<string, Spelling> {
  const table = new Map<string, Spelling>();
  for (const [key, flag] of Object.entries(flags)) {
    table.set(flagName(key), { key, flag });
    if (flag.alias) table.set(flag.alias, { key, flag });
  }
  return table;
}

/**
 * Reads words by the rules of Go's flag package, which commander does not know: `-name` and `--name` are the same,
 * a boolean takes its value only after `=`, any other flag takes the next word whatever it looks like.
 * Flags may stand among the positionals until `--`, or until `commandAfter` positionals have been seen: from there on
 * every word belongs to the container's command, `--` too. Throws UsageError with Go's words.
 */
export function normalise(
  words: readonly string[],
  table: ReadonlyMap<string, Spelling>,
  commandAfter = Number.POSITIVE_INFINITY,
): Normalised {
  const result: Normalised = { given: [], positionals: [], separatorAt: undefined, wantsHelp: false };
  let at = 0;
  while (at < words.length && result.positionals.length < commandAfter) {
    const word = words[at++]!;
    if (word === "--") {
      result.separatorAt = result.positionals.length;
      break;
    }
    if (word.length < 2 || !word.startsWith("-")) {
      result.positionals.push(word);
      continue;
    }
    const { name, value } = splitFlag(word);
    const known = table.get(name);
    if (!known && (name === "help" || name === "h")) {
      result.wantsHelp = true;
    } else if (!known) {
      throw new UsageError(`flag provided but not defined: -${name}`, meantFlag(name, table));
    } else {
      const isBare = value === undefined;
      const takesNext = isBare && known.flag.kind !== "boolean";
      if (takesNext && at >= words.length) throw new UsageError(`flag needs an argument: -${name}`);
      const text = takesNext ? words[at++]! : (value ?? "true");
      readValue(known.flag, name, text);
      result.given.push({ key: known.key, text });
    }
  }
  result.positionals.push(...words.slice(at));
  return result;
}

/** Throws UsageError with Go's words for a value that the flag cannot read. */
export function readValue(flag: Flag<unknown>, name: string, text: string): unknown {
  try {
    return flag.parse(text);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    const value = JSON.stringify(text);
    const what =
      flag.kind === "boolean" ? `invalid boolean value ${value} for` : `invalid value ${value} for flag`;
    throw new UsageError(`${what} -${name}: ${error.reason}`);
  }
}

function meantFlag(name: string, table: ReadonlyMap<string, Spelling>): string | undefined {
  const names = [...table.keys()].filter((known) => known.length > 1);
  const close = nearest(name, names);
  return close && `did you mean --${close}?`;
}

function splitFlag(word: string): { name: string; value: string | undefined } {
  const body = word.slice(word.startsWith("--") ? 2 : 1);
  if (body === "" || body.startsWith("-") || body.startsWith("=")) {
    throw new UsageError(`bad flag syntax: ${word}`);
  }
  const equals = body.indexOf("=");
  if (equals < 0) return { name: body, value: undefined };
  return { name: body.slice(0, equals), value: body.slice(equals + 1) };
}
