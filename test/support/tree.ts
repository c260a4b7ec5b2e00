import { createHash } from "node:crypto";
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { statAt } from "../../src/sys/stat.ts";
import { getXattr, listXattrs } from "../../src/sys/xattr.ts";

const AT_FDCWD = -100;

export interface TreeOptions {
  /** Leave these out of every line. */
  without?: readonly ("mtime" | "xattrs" | "owner")[];
}

interface LinkGroup {
  firstPath?: string;
  sha256?: string;
}

/**
 * Everything that an unpacked layer must have, one line per entry, in order of path bytes:
 * `PATH TYPE MODE UID:GID SIZE|DEVICE CONTENT MTIME XATTRS LINKS`. Two trees are the same when these lines are.
 * MTIME is in nanoseconds since 1970; LINKS names the first path of a group of hardlinks. Mounts are not entered.
 */
export function listTree(root: string, { without = [] }: TreeOptions = {}): string[] {
  const links = new Map<bigint, LinkGroup>();
  const device = lstatSync(root, { bigint: true }).dev;
  const lines: string[] = [];
  const visit = (absolute: Buffer, shown: string) => {
    const stat = lstatSync(absolute, { bigint: true });
    lines.push(
      [
        shown,
        typeName(stat),
        (Number(stat.mode) & 0o7777).toString(8).padStart(4, "0"),
        ...(without.includes("owner") ? [] : [`${stat.uid}:${stat.gid}`]),
        ...(stat.isFile() ? fileFields(absolute, stat, links) : otherFields(absolute, stat)),
        ...(without.includes("mtime") ? [] : [`mtime=${mtimeNanoseconds(absolute)}`]),
        ...(without.includes("xattrs") ? [] : xattrFields(absolute)),
        ...linkFields(stat, shown, links),
      ].join(" "),
    );
    if (!stat.isDirectory() || stat.dev !== device) return;
    const names = readdirSync(absolute, { encoding: "buffer" }) as Buffer[];
    for (const name of names.sort(Buffer.compare)) {
      const below = Buffer.concat([absolute, Buffer.from("/"), name]);
      visit(below, `${shown === "." ? "" : `${shown}/`}${showBytes(name)}`);
    }
  };
  visit(Buffer.from(root), ".");
  return lines;
}

function typeName(stat: BigIntStats): string {
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isSocket()) return "socket";
  if (stat.isCharacterDevice()) return "character-device";
  if (stat.isBlockDevice()) return "block-device";
  return "file";
}

/** Reads the content of a group of hardlinks once. */
function fileFields(path: Buffer, { ino, size }: BigIntStats, links: Map<bigint, LinkGroup>): string[] {
  const sha256 = links.get(ino)?.sha256 ?? createHash("sha256").update(readFileSync(path)).digest("hex");
  links.set(ino, { ...links.get(ino), sha256 });
  return [`${size}`, `sha256=${sha256}`];
}

/** Directories' sizes are the filesystem's own affair. */
function otherFields(path: Buffer, stat: BigIntStats): string[] {
  if (stat.isSymbolicLink()) return [`-> ${showBytes(readlinkSync(path, { encoding: "buffer" }))}`];
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return [`device=${deviceNumbers(stat.rdev)}`];
  return [];
}

/** Bun's own stat rounds its nanoseconds to what a double holds. */
function mtimeNanoseconds(path: Buffer): bigint {
  const { seconds, nanoseconds } = statAt(AT_FDCWD, path).modified;
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/** Linux' dev_t, as makedev(3) packs it. */
function deviceNumbers(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function xattrFields(path: Buffer): string[] {
  return listXattrs(path)
    .sort()
    .map((key) => `${key}=0x${Buffer.from(getXattr(path, key) ?? []).toString("hex")}`);
}

function linkFields(stat: BigIntStats, shown: string, links: Map<bigint, LinkGroup>): string[] {
  if (stat.isDirectory() || stat.nlink < 2n) return [];
  const group = links.get(stat.ino);
  const firstPath = group?.firstPath ?? shown;
  links.set(stat.ino, { ...group, firstPath });
  return [`links=${stat.nlink}`, `same-as=${firstPath}`];
}

/** Printable ASCII as it is, every other byte as \xNN: names need not be text. */
function showBytes(name: Uint8Array): string {
  return Buffer.from(name)
    .toString("latin1")
    .replace(/[^!-[\]-~]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
