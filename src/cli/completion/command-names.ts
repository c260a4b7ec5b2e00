import { type Group, isGroup } from "../command.ts";
import { commands } from "../commands/table.ts";

/**
 * What `--generate-bash-completion` prints, as the real ctr does: the names and aliases one level below the words;
 * nothing below a command.
 */
export async function commandNames(words: readonly string[]): Promise<string[]> {
  let group: Group = commands;
  for (const word of words.filter((word) => !word.startsWith("-"))) {
    const entry = group.members.find(({ names }) => names.includes(word));
    if (!entry || !isGroup(entry)) return [];
    group = entry;
  }
  const shown = group.members.filter((entry) => isGroup(entry) || !entry.hidden);
  return [...shown.flatMap(({ names }) => names), "help", "h"];
}
