import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Mount points at or below `path`, innermost first, of this mount namespace. */
export function mountsBelow(path: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => unescapeOctal(line.split(" ")[1] ?? ""))
    .filter((point) => point === path || point.startsWith(`${path}/`))
    .reverse();
}

/** Unmounts everything at or below `path`, lazily where a mount is busy. Throws when one stays. */
export function unmountBelow(path: string): void {
  for (const point of mountsBelow(path)) {
    const plain = spawnSync("umount", ["--no-canonicalize", point]);
    if (plain.status !== 0) spawnSync("umount", ["--no-canonicalize", "--lazy", point]);
  }
  const left = mountsBelow(path);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(", ")}`);
}

/** proc(5) writes blanks, tabs, newlines and backslashes of a path as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
