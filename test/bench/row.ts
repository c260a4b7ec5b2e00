import type { Fixtures } from "./fixtures.ts";
import type { Side } from "./side.ts";

/** One line of the table. What it measures for one side never depends on the other. */
export interface Row {
  name: string;
  /** What `--only` chooses by. */
  group: string;
  unit: "ms" | "MB";
  /** The ratio to the real ctr that the design promises. */
  goal?: number;
  /** How often each side is measured, unless `--runs` says otherwise; one more goes before and is not counted. */
  runs: number;
  /** Once per side, before the first run. */
  prepare?(side: Side, fixtures: Fixtures): Promise<void>;
  measure(side: Side, fixtures: Fixtures): Promise<number>;
  /** Once per side, after the last run, also after a failure. */
  cleanUp?(side: Side, fixtures: Fixtures): Promise<void>;
}
