import { type Arguments, type CommandDefinition, type Group, isGroup, type Leaf } from "./command.ts";
import { type Flags, flagName } from "./flags/flag.ts";
import { globalFlags } from "./globals.ts";

const INTRODUCTION = `containerd's ctr without a daemon: every command works directly on a state directory,
and nothing runs when no container runs.`;

export function commandHelp(path: readonly string[], definition: CommandDefinition): string {
  const usage = `ctr ${[...path, ...(hasFlags(definition.flags) ? ["[flags]"] : []), ...argumentWords(definition.args)].join(" ")}`;
  return sections([
    ["NAME", `ctr ${path.join(" ")} - ${definition.summary}`],
    ["USAGE", usage],
    ["DESCRIPTION", definition.description],
    ["EXAMPLES", definition.examples?.map((example) => `ctr ${example}`).join("\n")],
    ["OPTIONS", flagLines(definition.flags)],
  ]);
}

/** Loads the modules of its commands for their summaries. */
export async function groupHelp(path: readonly string[], group: Group): Promise<string> {
  const isRoot = path.length === 0;
  const name = ["ctr", ...path].join(" ");
  const flags = isRoot ? globalFlags : (group.flags ?? {});
  const members = await summaries(group);
  return sections([
    ["NAME", `${name} - ${group.summary}`],
    ["USAGE", `${name} ${isRoot ? "[global options] " : ""}command [command options] [arguments...]`],
    ["DESCRIPTION", isRoot ? INTRODUCTION : undefined],
    ["COMMANDS", columns(members.map(({ names, summary }) => [names.join(", "), summary]))],
    [isRoot ? "GLOBAL OPTIONS" : "OPTIONS", flagLines(flags)],
  ]);
}

export interface Summary {
  names: readonly string[];
  summary: string;
}

export async function summaries(group: Group): Promise<Summary[]> {
  const shown = group.members.filter((entry) => isGroup(entry) || !entry.hidden);
  return Promise.all(shown.map(async (entry) => ({ names: entry.names, summary: await summaryOf(entry) })));
}

const summaryOf = async (entry: Leaf | Group): Promise<string> =>
  isGroup(entry) ? entry.summary : (await entry.load()).default.summary;

const hasFlags = (flags: Flags): boolean => Object.keys(flags).length > 0;

/** `<image> [<container>] [<arg>...]` */
export function argumentWords(args: Arguments): string[] {
  return Object.entries(args).map(([name, { kind }]) => {
    const word = `<${flagName(name)}>`;
    if (kind === "required") return word;
    return kind === "optional" ? `[${word}]` : `[${word}...]`;
  });
}

/** `--user VALUE, -u VALUE` */
export function flagSpelling(name: string, flag: Flags[string]): string {
  const value = flag.placeholder ? ` ${flag.placeholder}` : "";
  const short = flag.alias && `${flag.alias.length === 1 ? "-" : "--"}${flag.alias}${value}`;
  return [`--${flagName(name)}${value}`, short].filter(Boolean).join(", ");
}

/** The summary with what happens when the flag is not given. */
export function flagNote(flag: Flags[string]): string {
  const fallback = typeof flag.default === "string" || typeof flag.default === "number" ? flag.default : "";
  return [flag.summary, fallback !== "" && `(default: ${fallback})`, flag.env && `[$${flag.env}]`]
    .filter(Boolean)
    .join(" ");
}

function flagLines(flags: Flags): string {
  const lines = Object.entries(flags).map(
    ([name, flag]) => [flagSpelling(name, flag), flagNote(flag)] as const,
  );
  return columns([...lines, ["--help, -h", "show help"]]);
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}

function sections(parts: readonly (readonly [title: string, text: string | undefined])[]): string {
  return parts
    .filter(([, text]) => text)
    .map(([title, text]) => `${title}:\n${text!.replaceAll(/^(?=.)/gm, "   ")}\n`)
    .join("\n");
}
