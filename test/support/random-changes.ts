import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setXattr } from "../../src/sys/xattr.ts";

const NAMES = ["a", "b", "c", "d", "e"];
const DEPTH_MAX = 4;

/**
 * Changes the tree `count` times in every way that a user can, but for hardlinks, which overlayfs breaks. The same
 * seed makes the same changes to the same tree.
 */
export function changeAtRandom(root: string, seed: number, count: number): void {
  const random = createRandom(seed);
  for (let at = 0; at < count; at++) changeOnce(root, random, `${seed}-${at}`);
}

/** A whole number from 0 to below the given one. */
export type Random = (below: number) => number;

function changeOnce(root: string, random: Random, text: string): void {
  const directory = pickDirectory(root, random);
  const path = join(directory, NAMES[random(NAMES.length)]!);
  const there = lstatSync(path, { throwIfNoEntry: false });
  const action = random(10);
  if (there === undefined) makeEntry(path, action, text);
  else if (action < 4) rmSync(path, { recursive: true });
  else if (action === 4 && !there.isSymbolicLink()) chmodSync(path, 0o700 + random(0o100));
  else if (action === 5 && !there.isSymbolicLink()) chownSync(path, random(1000), random(1000));
  else if (action === 6 && (there.isFile() || there.isDirectory()))
    setXattr(path, "user.note", Buffer.from(text));
  else if (action === 7 && there.isFile()) appendFileSync(path, text);
  else move(path, join(pickDirectory(root, random), NAMES[random(NAMES.length)]!));
}

function makeEntry(path: string, action: number, text: string): void {
  if (action < 4) mkdirSync(path);
  else if (action < 8) writeFileSync(path, text);
  else if (action === 8) symlinkSync(text, path);
  else execFileSync("mkfifo", [path]);
}

/** Neither into itself nor over something. */
function move(from: string, to: string): void {
  if (`${to}/`.startsWith(`${from}/`) || lstatSync(to, { throwIfNoEntry: false })) return;
  execFileSync("mv", ["-T", from, to]);
}

function pickDirectory(root: string, random: Random): string {
  let directory = root;
  for (let depth = random(DEPTH_MAX); depth > 0; depth--) {
    const below = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    if (below.length === 0) return directory;
    directory = join(directory, below[random(below.length)]!);
  }
  return directory;
}

/** The same numbers for the same seed (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
