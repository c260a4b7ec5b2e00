import { alignTabs, type TabStyle } from "./tab-writer.ts";

/** Which lines end with a tab, and so with trailing blanks: all, the header alone, or none. */
type TabEnd = "all" | "header" | "none";

export interface TableStyle extends TabStyle {
  end: TabEnd;
}

/** The styles of ctr's listings. */
export const tableStyles = {
  narrow: { minWidth: 1, padding: 1, fill: " ", end: "all" },
  narrowHeader: { minWidth: 1, padding: 1, fill: " ", end: "header" },
  wide: { minWidth: 4, padding: 4, fill: " ", end: "all" },
  wideHeader: { minWidth: 4, padding: 4, fill: " ", end: "header" },
  spaced: { minWidth: 1, padding: 4, fill: " ", end: "none" },
  tabs: { minWidth: 1, padding: 1, fill: "\t", end: "none" },
  tabsClosed: { minWidth: 1, padding: 1, fill: "\t", end: "all" },
} as const satisfies Record<string, TableStyle>;

/** A header and rows, every line ended. */
export function formatTable(
  style: TableStyle,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const headerEnd = style.end === "none" ? "" : "\t";
  const rowEnd = style.end === "all" ? "\t" : "";
  const lines = [header.join("\t") + headerEnd, ...rows.map((row) => row.map(oneLine).join("\t") + rowEnd)];
  return alignTabs(`${lines.join("\n")}\n`, style);
}

/** A label's value may hold anything; a tab or line end in it must not tear the table. */
const oneLine = (cell: string): string => cell.replaceAll(/[\t\n\v\f\r]/g, " ");
