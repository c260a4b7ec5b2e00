import { type CommandDefinition, type Group, isGroup, type Leaf } from "../command.ts";
import { commands } from "../commands/table.ts";
import { type Flags, flagName } from "../flags/flag.ts";
import { type GivenFlag, type Spelling, spellings } from "../flags/normalise.ts";
import { globalFlags } from "../globals.ts";
import { summaries } from "../summaries.ts";
import type { Completion } from "./kinds.ts";

export interface Candidate {
  text: string;
  note?: string;
}

/** What could stand in place of a command line's last word. */
export type Proposal =
  | { kind: "words"; candidates: Candidate[] }
  /** Of the state directory and namespace that the words before name. */
  | { kind: "objects"; of: Completion; globals: GivenFlag[]; prefix: string; before: string }
  | { kind: "nothing" };

/** Where the words before the cursor have led to. */
interface Place {
  group: Group;
  definition: CommandDefinition | undefined;
  flags: Flags;
  globals: GivenFlag[];
  positionals: number;
  /** The words are arguments whatever they look like. */
  isPlain: boolean;
  /** A flag that still lacks its value. */
  pending: Spelling | undefined;
}

/** `words` are those after `ctr`, the last being the one to complete, perhaps empty. Loads one command's module. */
export async function propose(words: readonly string[]): Promise<Proposal> {
  const partial = words.at(-1) ?? "";
  const place: Place = {
    group: commands,
    definition: undefined,
    flags: globalFlags,
    globals: [],
    positionals: 0,
    isPlain: false,
    pending: undefined,
  };
  for (const word of words.slice(0, -1)) {
    if (!(await advance(place, word))) return { kind: "nothing" };
  }
  return proposeAt(place, partial);
}

/** False when the words make no sense. */
async function advance(place: Place, word: string): Promise<boolean> {
  if (place.pending) {
    give(place, place.pending, word);
    place.pending = undefined;
  } else if (!place.isPlain && word.length > 1 && word.startsWith("-")) {
    takeFlag(place, word);
  } else if (place.definition) {
    place.positionals++;
    if (place.positionals >= (place.definition.commandAfter ?? Number.POSITIVE_INFINITY))
      place.isPlain = true;
  } else {
    const entry = place.group.members.find(({ names }) => names.includes(word));
    if (!entry) return false;
    await enter(place, entry);
  }
  return true;
}

async function enter(place: Place, entry: Leaf | Group): Promise<void> {
  if (isGroup(entry)) {
    place.group = entry;
    place.flags = { ...globalFlags, ...entry.flags };
  } else {
    place.definition = (await entry.load()).default;
    place.flags = { ...globalFlags, ...place.definition.flags };
  }
}

function takeFlag(place: Place, word: string): void {
  if (word === "--") {
    place.isPlain = true;
    return;
  }
  const [name = "", value] = word.replace(/^--?/, "").split(/=(.*)/s);
  const known = spellings(place.flags).get(name);
  if (!known || known.flag.kind === "boolean") return;
  if (value === undefined) place.pending = known;
  else give(place, known, value);
}

function give(place: Place, { key, flag }: Spelling, text: string): void {
  if (flag === (globalFlags as Flags)[key]) place.globals.push({ key, text });
}

async function proposeAt(place: Place, partial: string): Promise<Proposal> {
  if (place.pending) return proposeValue(place, place.pending.flag.completion, partial, "");
  if (!place.isPlain && partial.startsWith("-")) return proposeFlags(place, partial);
  if (!place.definition) return proposeCommands(place.group, partial);
  const args = Object.values(place.definition.args);
  const argument = args[place.positionals] ?? (args.at(-1)?.kind === "variadic" ? args.at(-1) : undefined);
  return proposeValue(place, argument?.completion, partial, "");
}

/** By their main names, so that none stands there twice; by the others where only those begin like that. */
async function proposeCommands(group: Group, partial: string): Promise<Proposal> {
  const members = await summaries(group);
  const candidates = members.flatMap(({ names, summary }) => {
    const matching = names.filter((name) => name.startsWith(partial));
    return matching.length > 0 ? [{ text: matching[0]!, note: summary }] : [];
  });
  return { kind: "words", candidates };
}

function proposeFlags(place: Place, partial: string): Proposal {
  const [name, value] = partial.split(/=(.*)/s);
  if (value !== undefined) {
    const known = spellings(place.flags).get(name!.replace(/^--?/, ""));
    return proposeValue(place, known?.flag.completion, value, `${name}=`);
  }
  const flags = place.definition?.flags ?? place.flags;
  const candidates = Object.entries(flags).map(([key, { summary }]) => ({
    text: `--${flagName(key)}`,
    note: summary,
  }));
  return proposeWords([...candidates, { text: "--help", note: "show help" }], partial);
}

function proposeValue(
  { globals }: Place,
  of: Completion | undefined,
  prefix: string,
  before: string,
): Proposal {
  if (of === undefined) return { kind: "nothing" };
  return { kind: "objects", of, globals, prefix, before };
}

function proposeWords(candidates: readonly Candidate[], partial: string): Proposal {
  return { kind: "words", candidates: candidates.filter(({ text }) => text.startsWith(partial)) };
}
