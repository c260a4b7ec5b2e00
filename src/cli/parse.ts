import type { Arguments, CommandDefinition, Input } from "./command.ts";
import { type Flag, type Flags, flagName } from "./flags/flag.ts";
import { type GivenFlag, type Normalised, readValue } from "./flags/normalise.ts";
import { type GlobalValues, globalFlags } from "./globals.ts";
import { HelpWanted, MissingArgument } from "./usage-error.ts";

/** A command line with every word in its place, before values are read. */
export interface Resolved {
  definition: CommandDefinition;
  globals: readonly GivenFlag[];
  leaf: Normalised;
}

export interface Parsed {
  globals: GlobalValues;
  input: Input<Flags, Arguments>;
  /** Words that the command has no place for. */
  surplus: readonly string[];
}

/**
 * Reads values, environment and defaults. Throws UsageError for a bad value in the environment, MissingArgument,
 * HelpWanted.
 *
 * Not commander's work: it knows neither Go's spellings nor booleans with a value, and loading and running it takes
 * 4 ms where the whole of `ctr version` may take 8. It lays out help.
 */
export function parse({ definition, globals, leaf }: Resolved): Parsed {
  return {
    globals: parseGlobals(globals),
    input: { flags: readFlags(definition.flags, leaf.given), args: bindArguments(definition, leaf) },
    surplus: surplusOf(definition, leaf),
  };
}

export const parseGlobals = (given: readonly GivenFlag[]): GlobalValues =>
  readFlags(globalFlags, given) as GlobalValues;

function readFlags(flags: Flags, given: readonly GivenFlag[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries(flags)) {
    const texts = given.filter((one) => one.key === key).map(({ text }) => text);
    values[key] = readFlag(flag, flagName(key), texts);
  }
  return values;
}

/** The last one counts, of a list each. */
function readFlag(flag: Flag<unknown>, name: string, given: readonly string[]): unknown {
  const fromEnvironment = flag.env === undefined ? undefined : process.env[flag.env];
  const texts = given.length > 0 || fromEnvironment === undefined ? given : [fromEnvironment];
  if (texts.length === 0) return flag.default;
  if (flag.kind === "list") return texts.map((text) => readValue(flag, name, text));
  return readValue(flag, name, texts.at(-1)!);
}

function bindArguments(definition: CommandDefinition, leaf: Normalised): Record<string, unknown> {
  const { positionals, separatorAt } = leaf;
  // `run IMAGE -- COMMAND`: a `--` before the command's usual place leaves out the arguments between.
  const early = definition.commandAfter !== undefined && separatorAt !== undefined && separatorAt > 0;
  const namedCount = early ? separatorAt : positionals.length;
  const bound: Record<string, unknown> = {};
  for (const [index, [name, argument]] of Object.entries(definition.args).entries()) {
    if (argument.kind === "variadic") {
      bound[name] = positionals.slice(early ? namedCount : index);
      continue;
    }
    const word = index < namedCount ? positionals[index] : undefined;
    if (argument.kind === "required" && !word) {
      throw argument.missing === undefined ? new HelpWanted() : new MissingArgument(argument.missing);
    }
    bound[name] = word;
  }
  return bound;
}

function surplusOf({ args }: CommandDefinition, { positionals }: Normalised): readonly string[] {
  const places = Object.values(args);
  return places.at(-1)?.kind === "variadic" ? [] : positionals.slice(places.length);
}
