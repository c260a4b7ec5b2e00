import { Command, Option } from "commander";
import type { Arguments, CommandDefinition, Input } from "./command.ts";
import { type Flag, type Flags, flagName } from "./flags/flag.ts";
import { type GivenFlag, type Normalised, readValue } from "./flags/normalise.ts";
import { type GlobalValues, globalFlags } from "./globals.ts";
import { MissingArgument } from "./usage-error.ts";

/** A command line with every word in its place, before values are read. */
export interface Resolved {
  path: readonly string[];
  definition: CommandDefinition;
  globals: readonly GivenFlag[];
  leaf: Normalised;
}

export interface Parsed {
  globals: GlobalValues;
  input: Input<Flags, Arguments>;
}

/**
 * Gives the words to commander, which reads values, fills in environment and defaults, and collects lists. Only the
 * command in use is built. Flags reach it as `--key=value`, positionals after `--`.
 */
export function parse({ path, definition, globals, leaf }: Resolved): Parsed {
  const program = createCommand("ctr", globalFlags).enablePositionalOptions();
  const command = createCommand(path.join(" "), definition.flags).argument("[words...]");
  program.addCommand(command);
  let values: Record<string, unknown> = {};
  command.action((_words, options) => {
    values = options;
  });
  program.parse([...spell(globals), command.name(), ...spell(leaf.given), "--", ...leaf.positionals], {
    from: "user",
  });
  return {
    globals: program.opts<GlobalValues>(),
    input: { flags: values, args: bindArguments(definition, leaf) },
  };
}

/** The global flags alone, for completion. */
export function parseGlobals(given: readonly GivenFlag[]): GlobalValues {
  const program = createCommand("ctr", globalFlags);
  program.action(() => {});
  program.parse(spell(given), { from: "user" });
  return program.opts<GlobalValues>();
}

const spell = (given: readonly GivenFlag[]): string[] => given.map(({ key, text }) => `--${key}=${text}`);

function createCommand(name: string, flags: Flags): Command {
  const command = new Command(name).helpOption(false).helpCommand(false).exitOverride();
  for (const [key, flag] of Object.entries(flags)) command.addOption(createOption(key, flag));
  return command;
}

/** Named by its key, since commander takes `--no-pivot` for the negation of `--pivot`. */
function createOption(key: string, flag: Flag<unknown>): Option {
  const option = new Option(`--${key} <value>`).default(flag.default);
  if (flag.env) option.env(flag.env);
  return option.argParser((text: string, previous: unknown) => {
    const value = readValue(flag, flagName(key), text);
    if (flag.kind !== "list") return value;
    return previous === flag.default ? [value] : [...(previous as unknown[]), value];
  });
}

function bindArguments(definition: CommandDefinition, leaf: Normalised): Record<string, unknown> {
  const { positionals, separatorAt } = leaf;
  // `run IMAGE -- COMMAND`: a `--` before the command's usual place leaves the arguments between them out.
  const early = definition.commandAfter !== undefined && separatorAt !== undefined && separatorAt > 0;
  const namedCount = early ? separatorAt : positionals.length;
  const bound: Record<string, unknown> = {};
  for (const [index, [name, argument]] of Object.entries(definition.args).entries()) {
    if (argument.kind === "variadic") {
      bound[name] = positionals.slice(early ? namedCount : index);
      continue;
    }
    const word = index < namedCount ? positionals[index] : undefined;
    if (argument.kind === "required" && !word)
      throw new MissingArgument(argument.missing ?? `${name} is required`);
    bound[name] = word;
  }
  return bound;
}
