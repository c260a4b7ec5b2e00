import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../support/run-program.ts";
import type { Fixtures } from "../fixtures.ts";
import type { Row } from "../row.ts";
import type { Side } from "../side.ts";

const NAMESPACE = "archive";
const words = (...more: string[]): string[] => ["--namespace", NAMESPACE, "images", ...more];

/** Each side's own archive of the image, made before the clock starts. */
const directories = new Map<Side, string>();
const archiveOf = (side: Side): string => join(directories.get(side)!, "image.tar");

async function forget(side: Side, ref: string): Promise<void> {
  await side.ctr(...words("rm", "--sync", ref));
  await run(["sync"]);
}

function archiveRow(
  row: Pick<Row, "name" | "unit" | "goal" | "runs">,
  measure: (side: Side, ref: string) => Promise<number>,
): Row {
  return {
    ...row,
    group: "archive",
    async prepare(side: Side, fixtures: Fixtures) {
      directories.set(side, mkdtempSync(join(tmpdir(), "bench-")));
      const ref = await fixtures.image("big");
      await side.ctr(...words("pull", ref));
      await side.ctr(...words("export", archiveOf(side), ref));
      await run(["sync"]);
    },
    measure: async (side, fixtures) => measure(side, await fixtures.image("big")),
    async cleanUp(side, fixtures) {
      rmSync(directories.get(side)!, { recursive: true });
      await forget(side, await fixtures.image("big"));
    },
  };
}

/** The image itself is forgotten before each run, so that nothing of it is there. */
function importRow(name: string, goal: number, ...flags: string[]): Row {
  return archiveRow({ name, unit: "ms", goal, runs: 3 }, async (side, ref) => {
    await forget(side, ref);
    return side.time(...words("import", ...flags, archiveOf(side)));
  });
}

export const archiveRows: Row[] = [
  archiveRow({ name: "export, 280 MB", unit: "ms", goal: 0.6, runs: 5 }, (side, ref) =>
    side.time(...words("export", archiveOf(side), ref)),
  ),
  archiveRow({ name: "peak memory of that export", unit: "MB", runs: 1 }, (side, ref) =>
    side.peakMegabytes(...words("export", archiveOf(side), ref)),
  ),
  importRow("import without unpacking, 280 MB", 0.6, "--no-unpack"),
  importRow("import and unpack, 280 MB", 0.6),
  archiveRow({ name: "peak memory of that import", unit: "MB", runs: 1 }, async (side, ref) => {
    await forget(side, ref);
    return side.peakMegabytes(...words("import", archiveOf(side)));
  }),
];
