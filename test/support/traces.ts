import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cgroupsNamed } from "./cgroups.ts";
import type { Ctr } from "./ctr.ts";
import { mountsBelow } from "./mounts.ts";
import { processesNaming } from "./processes.ts";
import { waitFor } from "./wait-for.ts";

/** Grow, or are there, whatever is done. */
const LASTING = /^(?:metadata\.db|events\.log|gc\.lock)/;

/**
 * All that commands have left anywhere, once what goes on by itself has come to its end: files, mounts, cgroups,
 * processes, rows. Snapshots' numbers, which are never given twice, are left out.
 */
export async function tracesOf(ctr: Ctr, ...directories: string[]): Promise<string[]> {
  await waitFor(() => processesNaming(ctr.root).length === 0, { what: "the end of what goes on by itself" });
  const places = [ctr.root, ctr.state, ...directories];
  return [
    ...places.flatMap((place) => filesBelow(place)),
    ...places.flatMap((place) => mountsBelow(place).map((point) => `mount ${point}`)),
    ...cgroupsNamed(ctr.namespace).map((path) => `cgroup ${path}`),
    ...processesNaming(ctr.state).map(({ command }) => `process ${command}`),
    ...(await rows(ctr)),
  ].sort();
}

/** What is mounted somewhere is not looked into. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !LASTING.test(name))
    .flatMap((name) => {
      const path = join(directory, name);
      const shown = path.replace(/(snapshots\/\w+)\/\d+/, "$1/N");
      const isPlain = !lstatSync(path).isDirectory() || mountsBelow(path).includes(path);
      return isPlain ? [shown] : [shown, ...filesBelow(path)];
    });
}

async function rows(ctr: Ctr): Promise<string[]> {
  const listings = [
    ...["images", "containers", "tasks", "leases", "content"].map((noun) => [noun, "list", "-q"]),
    ...["snapshots list", "content active"].map((words) => words.split(" ")),
  ];
  const found: string[] = [];
  for (const words of listings) {
    const lines = (await ctr.ok(...words)).split("\n").filter(Boolean);
    found.push(...lines.map((line) => `${words.join(" ")}: ${line.split(/\s+/)[0]}`));
  }
  return found;
}
