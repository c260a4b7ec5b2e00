/**
 * Aligns text in columns byte for byte as Go's text/tabwriter does, whose tables scripts have learnt to read.
 * cli-table3 cannot: it pads every cell alike, and never with tabs.
 */
export interface TabStyle {
  /** Smallest width of a cell, padding included. */
  minWidth: number;
  padding: number;
  /** Tabs fill cells up to the next multiple of 8. */
  fill: " " | "\t";
}

const TAB_WIDTH = 8;

/**
 * A cell is text ended by a tab; what follows a line's last tab is no cell and is never padded. A column is a run of
 * consecutive lines that have a cell at that place, and is as wide as its widest cell.
 */
export function alignTabs(text: string, { minWidth, padding, fill }: TabStyle): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths: number[][] = lines.map(() => []);
  const deepest = Math.max(...lines.map((cells) => cells.length));
  for (let column = 0; column < deepest - 1; column++) {
    for (let at = 0; at < lines.length; at++) {
      const start = at;
      let width = minWidth;
      while (at < lines.length && column < lines[at]!.length - 1) {
        width = Math.max(width, lengthOf(lines[at]![column]!) + padding);
        at++;
      }
      for (let line = start; line < at; line++) widths[line]![column] = width;
    }
  }
  return lines
    .map((cells, line) => cells.map((cell, column) => padCell(cell, widths[line]![column], fill)).join(""))
    .join("\n");
}

function padCell(cell: string, width: number | undefined, fill: TabStyle["fill"]): string {
  if (width === undefined) return cell;
  if (fill === " ") return cell + " ".repeat(width - lengthOf(cell));
  const columns = Math.ceil(width / TAB_WIDTH) * TAB_WIDTH;
  return cell + "\t".repeat(Math.ceil((columns - lengthOf(cell)) / TAB_WIDTH));
}

/** In characters, as Go counts runes. */
function lengthOf(cell: string): number {
  let length = 0;
  for (const _ of cell) length++;
  return length;
}
