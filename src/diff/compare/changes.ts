import { hasErrno } from "../../sys/errno.ts";
import type { Name } from "../../sys/libc.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { isDirectory } from "../../sys/stat.ts";
import { asName, type BytePath, bytesOf } from "../byte-path.ts";
import { cutsOff } from "./changed-directory.ts";
import { type Entry, findEntry } from "./entry.ts";
import { isSameEntry } from "./same-entry.ts";

/**
 * What happened to one path. Of what did not change directories are told, as signs of life, and names of hardlinked
 * files, which a new name may join.
 */
export type Change =
  | { kind: "added" | "modified" | "unchanged"; path: BytePath; entry: Entry }
  | { kind: "deleted"; path: BytePath };

/** One directory as it was, as it is, and the layer's directory with the names that changed. Open descriptors. */
export interface Trees {
  lowerFd: number | undefined;
  upperFd: number;
  changedFd: number | undefined;
}

/**
 * Walks both trees side by side in the order of path bytes, a directory before what is in it, so that equal trees give
 * equal layers. Of what was deleted only the topmost is told. Descriptors of an entry are good until the next one.
 */
export function* findChanges(trees: Trees, path: BytePath = ""): Generator<Change> {
  for (const base of changedNames(trees)) {
    const name = asName(base);
    const below = path === "" ? base : `${path}/${base}`;
    const lower = trees.lowerFd === undefined ? undefined : findEntry(trees.lowerFd, name);
    const entry = findEntry(trees.upperFd, name);
    if (entry === undefined) {
      if (lower !== undefined) yield { kind: "deleted", path: below };
      continue;
    }
    const kind = kindOf(lower, entry);
    if (kind !== "unchanged" || isDirectory(entry.stat) || isLinked(entry))
      yield { kind, path: below, entry };
    if (isDirectory(entry.stat)) yield* findChangesWithin(trees, name, below, lower);
  }
}

function kindOf(lower: Entry | undefined, upper: Entry): "added" | "modified" | "unchanged" {
  if (lower === undefined) return "added";
  return isSameEntry(lower, upper) ? "unchanged" : "modified";
}

/** Whether it is a file with more names than one. */
export function isLinked({ stat }: Entry): boolean {
  return stat.linkCount > 1 && !isDirectory(stat);
}

function changedNames({ lowerFd, upperFd, changedFd }: Trees): BytePath[] {
  const fds = changedFd === undefined ? [lowerFd, upperFd] : [changedFd];
  const names = new Set<BytePath>();
  for (const fd of fds) {
    if (fd !== undefined) for (const { name } of readDirectory(fd)) names.add(bytesOf(name));
  }
  return [...names].sort();
}

function* findChangesWithin(
  trees: Trees,
  name: Name,
  path: BytePath,
  lower: Entry | undefined,
): Generator<Change> {
  const upperFd = openDirectory(trees.upperFd, name);
  if (upperFd === undefined) return;
  const wasDirectory = lower !== undefined && isDirectory(lower.stat);
  const lowerFd = wasDirectory ? openDirectory(trees.lowerFd!, name) : undefined;
  const changedFd = lowerFd === undefined ? undefined : openChanged(trees.changedFd, name);
  try {
    yield* findChanges({ lowerFd, upperFd, changedFd }, path);
  } finally {
    for (const fd of [upperFd, lowerFd, changedFd]) if (fd !== undefined) closeFd(fd);
  }
}

function openChanged(directoryFd: number | undefined, name: Name): number | undefined {
  const fd = directoryFd === undefined ? undefined : openDirectory(directoryFd, name);
  if (fd === undefined || !cutsOff(fd)) return fd;
  closeFd(fd);
  return undefined;
}

function openDirectory(directoryFd: number, name: Name): number | undefined {
  try {
    return openAt(directoryFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    // Of an active snapshot in use.
    if (hasErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
