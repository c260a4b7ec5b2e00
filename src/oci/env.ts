import { readFile } from "node:fs/promises";
import type { ContainerDefaults } from "../core/image-config.ts";
import { asSysError } from "../sys/errno.ts";
import type { SpecInput } from "./spec-input.ts";

const DEFAULT_ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

/** What the container's process starts with, apart from what single options add: image, then file, then flags. */
export async function containerEnv(
  image: ContainerDefaults | undefined,
  input: SpecInput,
): Promise<string[]> {
  const flags = input.env ?? [];
  const changes = mergeEnv(input.envFile ? await readEnvFile(input.envFile) : [], flags);
  if (image === undefined) return changes;
  const imageEnv = image.Env?.length ? image.Env : DEFAULT_ENV;
  const removals = flags.filter((entry) => !entry.includes("="));
  return mergeEnv(mergeEnv(imageEnv, removals), changes);
}

/**
 * A new list: `K=V` takes the place of the K that `base` has, else goes to the end; `K` alone removes K. A name
 * that only `changes` has, twice, stays there twice, as in containerd; the runtime lets the last one win.
 */
export function mergeEnv(base: readonly string[], changes: readonly string[]): string[] {
  const replaceable = new Set(base.map(nameOf));
  let merged = [...base];
  for (const change of changes) {
    const name = nameOf(change);
    const at = replaceable.has(name) ? merged.findLastIndex((entry) => nameOf(entry) === name) : -1;
    if (!change.includes("=")) merged = merged.filter((entry) => nameOf(entry) !== name);
    else if (at < 0) merged.push(change);
    else merged[at] = change;
  }
  return merged;
}

export function nameOf(entry: string): string {
  const equals = entry.indexOf("=");
  return equals < 0 ? entry : entry.slice(0, equals);
}

/** Lines are taken as they stand, with `#`, blanks and quotes; those without `=` mean nothing in a file. */
async function readEnvFile(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, "utf8");
    return text.split(/\r?\n/).filter((line) => line.includes("="));
  } catch (error) {
    throw asSysError(error, path);
  }
}
