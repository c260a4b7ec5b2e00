import { run } from "../../support/run-program.ts";
import type { Fixtures, ImageName } from "../fixtures.ts";
import type { Row } from "../row.ts";
import type { Side } from "../side.ts";

const NAMESPACE = "pull";

/** Takes the image away with its content and snapshots, and lets the disk come to rest before the next clock starts. */
async function forget(side: Side, ref: string): Promise<void> {
  await side.ctr("--namespace", NAMESPACE, "images", "rm", "--sync", ref);
  const { stdout } = await side.ctr("--namespace", NAMESPACE, "content", "ls", "--quiet");
  if (stdout.trim()) throw new Error("images rm --sync left content behind");
  await run(["sync"]);
}

const pull = (ref: string): string[] => ["--namespace", NAMESPACE, "images", "pull", ref];

function pullRow(name: string, image: ImageName, goal: number, runs: number): Row {
  return {
    name,
    group: image === "big" ? "big" : "pull",
    unit: "ms",
    goal,
    runs,
    async measure(side: Side, fixtures: Fixtures) {
      const ref = await fixtures.image(image);
      const taken = await side.time(...pull(ref));
      await forget(side, ref);
      return taken;
    },
  };
}

function peakRow(name: string, group: string, image: ImageName): Row {
  return {
    name,
    group,
    unit: "MB",
    runs: 1,
    async measure(side, fixtures) {
      const ref = await fixtures.image(image);
      const peak = await side.peakMegabytes(...pull(ref));
      await forget(side, ref);
      return peak;
    },
  };
}

export const pullRows: Row[] = [
  pullRow("pull and unpack, small", "small", 0.7, 10),
  pullRow("pull and unpack, 20 layers", "20-layers", 0.5, 10),
  pullRow("pull and unpack, 930 MB", "big", 0.5, 3),
  peakRow("peak memory of that pull", "big", "big"),
  peakRow("peak memory of a pull, one layer of 2 GB", "large", "large-layer"),
];
