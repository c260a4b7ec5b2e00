import type { ProgressListener, ProgressRow, ProgressState } from "../../core/progress.ts";
import { formatBinarySize } from "../print/sizes.ts";

export const FINISHED: readonly ProgressState[] = ["resolved", "done", "exists"];

/** Rows in order of appearance, and the sum of what has moved. */
export interface Tally {
  update: ProgressListener;
  rows(): readonly ProgressRow[];
  /** `elapsed: 1.5 s  total: 12.0 MiB  (8.0 MiB/s)`, as ctr ends its screens. */
  summary(nowMilliseconds: number): string;
  /** For logs: the summary, of how much, and how many rows are in which state. */
  line(nowMilliseconds: number): string;
}

export function createTally(startedMilliseconds: number): Tally {
  const rows = new Map<string, ProgressRow>();
  const moved = new Map<string, number>();
  const movedBytes = () => sum(moved.values());
  const summary = (now: number, outOf = "") => {
    const seconds = (now - startedMilliseconds) / 1000;
    const rate = seconds > 0 ? movedBytes() / seconds : 0;
    const total = `${formatBinarySize(movedBytes())}${outOf}`;
    return `elapsed: ${seconds.toFixed(1)} s  total: ${total}  (${formatBinarySize(rate)}/s)`;
  };
  return {
    update: (row) => {
      // A stage that cannot tell how much there is keeps what an earlier one knew.
      const total = row.total ?? rows.get(row.name)?.total;
      rows.set(row.name, { ...row, total });
      // While unpacking, offsets count the uncompressed bytes, which have moved nowhere.
      if (row.offset !== undefined && row.state !== "unpacking") moved.set(row.name, row.offset);
    },
    rows: () => [...rows.values()],
    summary: (now) => summary(now),
    line: (now) => {
      const all = [...rows.values()];
      const wanted = sum(all.map(({ state, total = 0 }) => (state === "exists" ? 0 : total)));
      const outOf = wanted > movedBytes() ? ` of ${formatBinarySize(wanted)}` : "";
      return `${summary(now, outOf)}  ${statesOf(all)}`.trimEnd();
    },
  };
}

/** `downloading: 2, done: 5` */
function statesOf(rows: readonly ProgressRow[]): string {
  const counts = new Map<string, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${state}: ${count}`).join(", ");
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);
