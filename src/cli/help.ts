import { Command, Option } from "commander";
import type { Arguments, CommandDefinition, Group } from "./command.ts";
import { type Flags, flagName } from "./flags/flag.ts";
import { globalFlags } from "./globals.ts";
import { summaries } from "./summaries.ts";

const INTRODUCTION = `containerd's ctr without a daemon: every command works directly on a state directory, and nothing runs when no container runs.`;

export function commandHelp(path: readonly string[], definition: CommandDefinition): string {
  const command = createCommand(path, definition.flags)
    .usage([...(hasFlags(definition.flags) ? ["[flags]"] : []), ...argumentWords(definition.args)].join(" "))
    .description(sentences(definition));
  const { examples } = definition;
  if (examples)
    command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ctr ${line}`).join("\n")}`);
  return textOf(command);
}

/** Loads the modules of its commands for their summaries. */
export async function groupHelp(path: readonly string[], group: Group): Promise<string> {
  const isRoot = path.length === 0;
  const command = createCommand(path, isRoot ? globalFlags : (group.flags ?? {}))
    .usage(`${isRoot ? "[global flags] " : ""}command [flags] [arguments...]`)
    .description(isRoot ? INTRODUCTION : `${capitalized(group.summary)}.`);
  for (const { names, summary } of await summaries(group)) {
    // addCommand keeps the whole name; command() would take the second word for an argument.
    command.addCommand(new Command(names.join(", ")).helpOption(false).description(summary));
  }
  return textOf(command);
}

const sentences = ({ summary, description }: CommandDefinition): string =>
  [`${capitalized(summary)}.`, description].filter(Boolean).join("\n\n");

const hasFlags = (flags: Flags): boolean => Object.keys(flags).length > 0;

/** `<image> [<container>] [<arg>...]` */
export function argumentWords(args: Arguments): string[] {
  return Object.entries(args).map(([name, { kind }]) => {
    const word = `<${flagName(kind === "variadic" ? name.replace(/s$/, "") : name)}>`;
    if (kind === "required") return word;
    return kind === "optional" ? `[${word}]` : `[${word}...]`;
  });
}

/** The summary with what happens when the flag is not given. */
export function flagNote(flag: Flags[string]): string {
  const fallback = typeof flag.default === "string" || typeof flag.default === "number" ? flag.default : "";
  return [flag.summary, fallback !== "" && `(default: ${fallback})`, flag.env && `[$${flag.env}]`]
    .filter(Boolean)
    .join(" ");
}

function createCommand(path: readonly string[], flags: Flags): Command {
  const command = new Command(["ctr", ...path].join(" "))
    .helpOption("-h, --help", "show help")
    .helpCommand(false);
  for (const [name, flag] of Object.entries(flags)) {
    const short = flag.alias?.length === 1 ? `-${flag.alias}, ` : "";
    const value = flag.placeholder && ` <${flag.placeholder}>`;
    command.addOption(new Option(`${short}--${flagName(name)}${value}`, flagNote(flag)));
  }
  return command.configureHelp({ helpWidth: 110, subcommandTerm: (subcommand) => subcommand.name() });
}

function textOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
