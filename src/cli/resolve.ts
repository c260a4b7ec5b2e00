import { type CommandDefinition, type Group, isGroup, type Leaf } from "./command.ts";
import { type GivenFlag, type Normalised, normalise, spellings } from "./flags/normalise.ts";
import { globalFlags } from "./globals.ts";
import { UnknownCommand, UsageError } from "./usage-error.ts";

export interface RunRequest {
  kind: "run";
  path: string[];
  definition: CommandDefinition;
  globals: GivenFlag[];
  leaf: Normalised;
}

/** What a command line asks for. */
export type Request =
  | RunRequest
  | { kind: "command-help"; path: string[]; definition: CommandDefinition; problem?: UsageError }
  | { kind: "group-help"; path: string[]; group: Group; problem?: UsageError }
  | { kind: "version" };

/** The flag that the root alone has. */
const VERSION_WORDS = new Set(["-v", "-version", "--version"]);

/**
 * Follows the words from the root of the table to a command, loading only that command's module. Throws
 * UnknownCommand; other faults come back as help with a `problem`.
 */
export async function resolve(root: Group, argv: readonly string[]): Promise<Request> {
  const globals: GivenFlag[] = [];
  const early: GivenFlag[] = [];
  const path: string[] = [];
  let group = root;
  let words = argv;
  for (;;) {
    const flags = group === root ? globalFlags : { ...globalFlags, ...group.flags };
    if (group === root && VERSION_WORDS.has(words[0] ?? "")) return { kind: "version" };
    let level: Normalised;
    try {
      level = normalise(words, spellings(flags), 1);
    } catch (error) {
      if (error instanceof UsageError) return { kind: "group-help", path, group, problem: error };
      throw error;
    }
    for (const flag of level.given) (flag.key in globalFlags ? globals : early).push(flag);
    const [name, ...rest] = level.positionals;
    if (level.wantsHelp || name === undefined) return { kind: "group-help", path, group };
    if (name === "help" || name === "h") return resolveHelp(root, group, path, rest);
    const entry = findEntry(group, name);
    if (!entry) throw await unknownCommand(root, group, name);
    path.push(entry.names[0]!);
    if (!isGroup(entry)) return resolveLeaf(entry, { path, globals, early, words: rest });
    group = entry;
    words = rest;
  }
}

interface Found {
  path: string[];
  globals: GivenFlag[];
  early: GivenFlag[];
  words: string[];
}

async function resolveLeaf(entry: Leaf, { path, globals, early, words }: Found): Promise<Request> {
  const { default: definition } = await entry.load();
  // A global flag may also follow its command, where the command has none of that spelling.
  const table = new Map([...spellings(globalFlags), ...spellings(definition.flags)]);
  try {
    const leaf = normalise(words, table, definition.commandAfter);
    if (leaf.wantsHelp) return { kind: "command-help", path, definition };
    const own = leaf.given.filter(({ key }) => key in definition.flags);
    const late = leaf.given.filter(({ key }) => !(key in definition.flags));
    return {
      kind: "run",
      path,
      definition,
      globals: [...globals, ...late],
      leaf: { ...leaf, given: [...early, ...own] },
    };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "command-help", path, definition, problem: error };
    throw error;
  }
}

/** `ctr help images pull` and `ctr images help pull`. */
async function resolveHelp(
  root: Group,
  group: Group,
  path: string[],
  names: readonly string[],
): Promise<Request> {
  const [name, ...rest] = names;
  if (name === undefined) return { kind: "group-help", path, group };
  const entry = findEntry(group, name);
  if (!entry) throw await unknownCommand(root, group, name);
  const entryPath = [...path, entry.names[0]!];
  if (isGroup(entry)) return resolveHelp(root, entry, entryPath, rest);
  return { kind: "command-help", path: entryPath, definition: (await entry.load()).default };
}

export function findEntry(group: Group, name: string): Leaf | Group | undefined {
  return group.members.find(({ names }) => names.includes(name));
}

async function unknownCommand(root: Group, group: Group, name: string): Promise<UnknownCommand> {
  return new UnknownCommand(name, elsewhere(root, name) ?? (await misspelled(group, name)));
}

/** Who knows other tools, or took the wrong group, finds the groups that have a command of that name. */
function elsewhere(root: Group, name: string): string | undefined {
  const homes = root.members.filter((entry) => isGroup(entry) && findEntry(entry, name));
  const [first, ...others] = homes.map(({ names }) => names[0]!);
  if (first === undefined) return undefined;
  if (others.length === 0) return `did you mean ${JSON.stringify(`${first} ${name}`)}?`;
  return `say of what: ${[first, ...others].map((home) => `${home} ${name}`).join(", ")}`;
}

async function misspelled(group: Group, name: string): Promise<string | undefined> {
  const { nearest } = await import("./nearest.ts");
  const close = nearest(
    name,
    group.members.flatMap(({ names }) => names),
  );
  return close && `did you mean ${JSON.stringify(close)}?`;
}
