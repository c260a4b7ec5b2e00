import { chalkStderr } from "chalk";
import type { ProgressListener, ProgressRow, ProgressState } from "../../core/progress.ts";
import type { WindowSize } from "../../sys/terminal.ts";
import { formatBinarySize } from "../print/sizes.ts";
import { alignTabs } from "../print/tab-writer.ts";
import { createTally, FINISHED } from "./tally.ts";

const BAR_CELLS = 38;
const SHORT_HEX_LENGTH = 12;
const MOVING: readonly ProgressState[] = [
  "downloading",
  "uploading",
  "unpacking",
  "converting",
  "importing",
  "exporting",
];

/** Rows in order of appearance, drawn as ctr draws them: name, state, bar and, while bytes move, how many. */
export interface Board {
  update: ProgressListener;
  /** No wider and no higher than the window; finished rows give way first. */
  lines(nowMilliseconds: number, window: WindowSize): string[];
}

export function createBoard(startedMilliseconds: number): Board {
  const tally = createTally(startedMilliseconds);
  return {
    update: tally.update,
    lines(now, { columns, rows: height }) {
      const shown = fitHeight(tally.rows(), height - 2);
      const isNarrow = columns < 150;
      const bars = isNarrow ? Math.max(10, Math.min(BAR_CELLS, columns - 70)) : BAR_CELLS;
      const cells = shown.map((row) => rowCells(row, isNarrow, bars));
      const text = alignTabs(cells.join("\n"), { minWidth: 1, padding: 1, fill: " " });
      const lines = text === "" ? [] : text.split("\n").map((line) => colourBar(line.slice(0, columns - 1)));
      return [...lines, tally.summary(now).slice(0, columns - 1)];
    },
  };
}

function fitHeight(rows: readonly ProgressRow[], height: number): readonly ProgressRow[] {
  if (rows.length <= height) return rows;
  const open = rows.filter(({ state }) => !FINISHED.includes(state));
  const finished = rows.filter(({ state }) => FINISHED.includes(state));
  const room = Math.max(0, height - open.length);
  const kept = new Set([...open.slice(0, height), ...(room > 0 ? finished.slice(-room) : [])]);
  return rows.filter((row) => kept.has(row));
}

function rowCells(row: ProgressRow, isNarrow: boolean, barCells: number): string {
  const { name, state, offset = 0, total = 0 } = row;
  const shownName = isNarrow
    ? name.replace(/(:[0-9a-f]{12})[0-9a-f]{20,}/, (_, start: string) => start.slice(0, SHORT_HEX_LENGTH + 1))
    : name;
  const isMoving = MOVING.includes(state);
  const share = isMoving ? (total > 0 ? offset / total : 0) : FINISHED.includes(state) ? 1 : 0;
  const counter = isMoving && offset > 0 ? movedBytes(state, offset, total) : "";
  return `${shownName}:\t${state}\t${bar(share, barCells)}\t${counter}\t`;
}

/** While unpacking, offsets count the uncompressed bytes, of which nobody knows the total. */
function movedBytes(state: ProgressState, offset: number, total: number): string {
  if (state === "unpacking" || total === 0) return formatBinarySize(offset);
  return `${formatBinarySize(offset)}/${formatBinarySize(total)}`;
}

function bar(share: number, cells: number): string {
  const full = Math.min(cells, Math.floor(share * cells));
  return `|${"+".repeat(full)}${"-".repeat(cells - full)}|`;
}

/** chalk knows what the terminal can, but not what the user wants (no-color.org). */
const green = (text: string): string => (process.env.NO_COLOR ? text : chalkStderr.green(text));

/** Once widths are settled: colour takes no room on the screen, but would in the table. */
const colourBar = (line: string): string => line.replace(/\|(\++)/, (_, full: string) => `|${green(full)}`);
