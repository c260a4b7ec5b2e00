import { type CommandDefinition, type Group, isGroup, type Leaf } from "./command.ts";
import { type Flags, flagName } from "./flags/flag.ts";
import { globalFlags } from "./globals.ts";
import { argumentWords, flagNote } from "./help.ts";
import { summaryOf } from "./summaries.ts";

/** A page for ctr, one for each group and one for each command at the root, by file name: `ctr-images.1`. */
export async function manPages(root: Group): Promise<Map<string, string>> {
  const shown = root.members.filter((entry) => isGroup(entry) || !entry.hidden);
  const pages = await Promise.all(
    shown.map(async (entry) => {
      const name = `ctr-${entry.names[0]}`;
      return [`${name}.1`, await memberPage(name, entry)] as const;
    }),
  );
  return new Map([["ctr.1", await rootPage(root, shown)], ...pages]);
}

async function rootPage(root: Group, members: readonly (Leaf | Group)[]): Promise<string> {
  const lines = await Promise.all(
    members.map(async (entry) => term(entry.names.join(", "), await summaryOf(entry))),
  );
  return page("ctr", root.summary, [
    section("SYNOPSIS", `.B ctr\n${text("[global flags] command [flags] [arguments...]")}`),
    section(
      "DESCRIPTION",
      text(
        "containerd's ctr without a daemon: every command works directly on a state directory, and nothing runs when no container runs.",
      ),
    ),
    section("COMMANDS", lines.join("")),
    section("GLOBAL FLAGS", flagTerms(globalFlags)),
    section("EXIT STATUS", exitStatus()),
    section("FILES", term("/var/lib/ctr", "persistent state") + term("/run/ctr", "state of this boot")),
    section("SEE ALSO", members.map(({ names }) => `.BR ctr-${names[0]} (1)`).join(",\n")),
  ]);
}

const exitStatus = (): string =>
  [
    term("0", "success"),
    term("1", "a failure, told in one line on standard error"),
    term("3", "an unknown command"),
    text(
      "run, tasks start, tasks attach, tasks exec and tasks wait answer the status of the container's process, which is 128 and the signal's number when a signal ended it.",
    ),
  ].join("");

async function memberPage(name: string, entry: Leaf | Group): Promise<string> {
  const seeAlso = section("SEE ALSO", ".BR ctr (1)");
  if (!isGroup(entry)) {
    const { default: definition } = await entry.load();
    return page(name, definition.summary, [
      section("SYNOPSIS", synopsis(entry.names[0]!, definition)),
      section("DESCRIPTION", text(definition.description ?? sentence(definition.summary))),
      section("FLAGS", flagTerms(definition.flags)),
      section("EXAMPLES", examples(definition)),
      seeAlso,
    ]);
  }
  const described = await Promise.all(
    entry.members.filter((member) => !isGroup(member)).map((member) => describeMember(entry, member as Leaf)),
  );
  return page(name, entry.summary, [section("COMMANDS", described.join("")), seeAlso]);
}

async function describeMember(group: Group, { names, load }: Leaf): Promise<string> {
  const { default: definition } = await load();
  const { summary, description, flags } = definition;
  const parts = [
    `.SS ${escapeText(names.join(", "))}\n`,
    synopsis(`${group.names[0]} ${names[0]}`, definition),
    `.PP\n${text(sentence(summary))}`,
    description ? text(description) : "",
    Object.keys(flags).length > 0 ? flagTerms(flags) : "",
    definition.examples ? `.PP\nExamples:\n${examples(definition)}` : "",
  ];
  return parts.join("");
}

function synopsis(path: string, { flags, args }: CommandDefinition): string {
  const words = [...(Object.keys(flags).length > 0 ? ["[flags]"] : []), ...argumentWords(args)];
  return `.B ctr ${escapeText(path)}\n${words.length > 0 ? text(words.join(" ")) : ""}`;
}

const examples = ({ examples: lines = [] }: CommandDefinition): string =>
  lines.length > 0 ? `.EX\n${lines.map((line) => `ctr ${escapeText(line)}\n`).join("")}.EE\n` : "";

function flagTerms(flags: Flags): string {
  return Object.entries(flags)
    .map(([key, flag]) => {
      const spelling = [flag.alias && `-${flag.alias}`, `--${flagName(key)}`].filter(Boolean).join(", ");
      return term(`${spelling} ${flag.placeholder}`.trim(), flagNote(flag));
    })
    .join("");
}

function page(name: string, summary: string, sections: readonly string[]): string {
  const title = `.TH ${name.toUpperCase()} 1 "" ctr "User Commands"\n`;
  return [title, section("NAME", text(`${name} - ${summary}`)), ...sections].join("");
}

const section = (title: string, body: string): string => (body ? `.SH ${title}\n${body.trimEnd()}\n` : "");
const term = (head: string, body: string): string => `.TP\n.B ${escapeText(head)}\n${text(body)}`;
const text = (words: string): string => `${escapeText(words)}\n`;
const sentence = (words: string): string => `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;

/** Roff takes a hyphen for one of typography, a backslash for a command, and a leading dot or quote for a request. */
const escapeText = (words: string): string =>
  words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^(?=[.'])/gm, "\\&");
