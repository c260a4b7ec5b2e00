/** Counters in files of a cgroup. A file that is not there has none: which there are, depends on kernel and controllers. */
import { join } from "node:path";
import type { Counter } from "../../core/metrics.ts";
import { readCgroupFile } from "../cgroup.ts";

/** What containerd makes of "max". */
const NO_LIMIT = 2n ** 64n - 1n;

export function readLines(directory: string, name: string): string[][] {
  const text = readCgroupFile(join(directory, name)) ?? "";
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/[ \t]+/));
}

/** A file that is one number, or `max`. */
export function readCounter(directory: string, name: string, noLimit = NO_LIMIT): Counter | undefined {
  const word = readLines(directory, name)[0]?.[0];
  return word === "max" ? noLimit : counterOf(word);
}

/** A file of lines `name number`. */
export function readNamed(directory: string, name: string): Map<string, Counter> {
  const lines = readLines(directory, name).map(([key = "", word]) => [key, counterOf(word)] as const);
  return new Map(lines.filter((line): line is readonly [string, Counter] => line[1] !== undefined));
}

export function counterOf(word: string | undefined): Counter | undefined {
  return word !== undefined && /^\d+$/.test(word) ? BigInt(word) : undefined;
}

/** By containerd's names, for a table of kernel's name to containerd's. */
export function renamed(
  counters: ReadonlyMap<string, Counter>,
  names: readonly (readonly [kernel: string, containerd: string])[],
): Record<string, Counter | undefined> {
  return Object.fromEntries(names.map(([kernel, containerd]) => [containerd, counters.get(kernel)]));
}
