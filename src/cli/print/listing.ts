import type { OutputFormat } from "../flags/output.ts";
import { writeOut } from "../output.ts";
import { formatJson } from "./json.ts";
import { formatTable, type TableStyle } from "./table.ts";

/** A listing for people and for programs: the same things twice. */
export interface Listing {
  style: TableStyle;
  header: readonly string[];
  rows: readonly (readonly string[])[];
  /** What `--output json` prints, an array; field names are stable. */
  records: readonly object[];
}

export function printListing({ style, header, rows, records }: Listing, format: OutputFormat): void {
  writeOut(format === "json" ? formatJson(records) : formatTable(style, header, rows));
}

/** One to a line, for `--quiet`. */
export function printNames(names: readonly string[]): void {
  writeOut(names.map((name) => `${name}\n`).join(""));
}
