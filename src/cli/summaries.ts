import { type Group, isGroup, type Leaf } from "./command.ts";

export interface Summary {
  names: readonly string[];
  summary: string;
}

/** Of a group's commands, which loads their modules. */
export async function summaries(group: Group): Promise<Summary[]> {
  const shown = group.members.filter((entry) => isGroup(entry) || !entry.hidden);
  return Promise.all(shown.map(async (entry) => ({ names: entry.names, summary: await summaryOf(entry) })));
}

export const summaryOf = async (entry: Leaf | Group): Promise<string> =>
  isGroup(entry) ? entry.summary : (await entry.load()).default.summary;
