import { run } from "../../support/run-program.ts";
import type { Fixtures } from "../fixtures.ts";
import type { Row } from "../row.ts";
import type { Side } from "../side.ts";

const words = (...more: string[]): string[] => ["--namespace", "push", ...more];

/** Each push goes to a repository of its own, so that all bytes have to be sent. */
function pushRow(
  row: Pick<Row, "name" | "unit" | "goal" | "runs">,
  measure: (side: Side, push: string[]) => Promise<number>,
): Row {
  return {
    ...row,
    group: "push",
    async prepare(side: Side, fixtures: Fixtures) {
      await side.ctr(...words("content", "fetch", await fixtures.image("big")));
      await run(["sync"]);
    },
    measure: async (side, fixtures) =>
      measure(side, words("images", "push", fixtures.newRepository(), await fixtures.image("big"))),
    async cleanUp(side, fixtures) {
      await side.ctr(...words("images", "rm", "--sync", await fixtures.image("big")));
    },
  };
}

export const pushRows: Row[] = [
  pushRow({ name: "push, 280 MB", unit: "ms", goal: 0.6, runs: 5 }, (side, push) => side.time(...push)),
  pushRow({ name: "peak memory of that push", unit: "MB", runs: 1 }, (side, push) =>
    side.peakMegabytes(...push),
  ),
];
