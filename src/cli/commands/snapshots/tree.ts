import type { SnapshotInfo } from "../../../core/snapshotter.ts";
import { defineCommand } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "show which snapshot stands on which",
  flags: snapshotterFlags,
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    writeOut(formatTree(await Array.fromAsync(snapshotter.walk())));
  },
});

function formatTree(snapshots: readonly SnapshotInfo[]): string {
  const children = Map.groupBy(snapshots, ({ parent }) => parent);
  const lines: string[] = [];
  const pending = (children.get("") ?? []).map(({ key }) => ({ key, depth: 0 })).reverse();
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { key, depth } = next;
    lines.push(depth === 0 ? ` ${key}\n` : `${"  ".repeat(depth)}\\_ ${key}\n`);
    const below = (children.get(key) ?? []).map((child) => ({ key: child.key, depth: depth + 1 }));
    pending.push(...below.reverse());
  }
  return lines.join("");
}
