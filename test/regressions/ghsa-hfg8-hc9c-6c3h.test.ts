import { test } from "uvu";
import * as assert from "uvu/assert";
import { attack, type Canary, openCanary, TARGETS } from "../support/canary.ts";
import type { TarEntry } from "../support/tar-bytes.ts";
import { tempDir } from "../support/temp.ts";

/**
 * Ways out that archives have tried. Each either is refused or lands within the root; the canary tells. `refused`
 * says which, so that a way that becomes harmless by accident is seen too.
 */
interface Breakout {
  name: string;
  entries: (canary: Canary) => TarEntry[];
  refused?: boolean;
}

const link = (path: string, linkTarget: string): TarEntry => ({ path, type: "symlink", linkTarget });
const hard = (path: string, linkTarget: string): TarEntry => ({ path, type: "hardlink", linkTarget });
const write = (path: string): TarEntry => ({ path, content: "hostile", mode: 0o777 });
const directory = (path: string): TarEntry => ({ path, type: "directory", mode: 0o777, mtimeSeconds: 1 });

const BREAKOUTS: Breakout[] = [
  { name: "file by ..", entries: () => [write("../outside/victim")] },
  { name: "file by many ..", entries: ({ outside }) => [write(`${"../".repeat(40)}${outside}/victim`)] },
  { name: "file by .. behind a directory", entries: () => [directory("a"), write("a/../../outside/victim")] },
  { name: "absolute file", entries: ({ outside }) => [write(`${outside}/victim`)] },
  { name: "directory by ..", entries: () => [directory("../outside/directory")] },
  { name: "absolute directory", entries: ({ outside }) => [directory(`${outside}/directory`)] },
  { name: "through a relative link", entries: () => [link("l", "../outside"), write("l/victim")] },
  { name: "through an absolute link", entries: ({ outside }) => [link("l", outside), write("l/victim")] },
  {
    name: "through a link to the root",
    entries: ({ outside }) => [link("l", "/"), write(`l${outside}/victim`)],
  },
  { name: "through a link to ..", entries: () => [link("l", ".."), write("l/outside/victim")] },
  {
    name: "through two links",
    entries: () => [link("a", ".."), link("b", "a/../outside"), write("b/victim")],
  },
  {
    name: "through a link in a directory",
    entries: () => [link("d/l", "../../outside"), write("d/l/victim")],
  },
  {
    name: "through a chain of links",
    entries: () => [link("a", "b"), link("b", "c"), link("c", "../outside"), write("a/victim")],
  },
  { name: "over a link to a file", entries: ({ outside }) => [link("l", `${outside}/victim`), write("l")] },
  { name: "over a relative link to a file", entries: () => [link("l", "../outside/victim"), write("l")] },
  { name: "directory over a link", entries: ({ outside }) => [link("l", outside), directory("l")] },
  {
    name: "directory over a link, then a file in it",
    entries: ({ outside }) => [link("l", outside), directory("l"), write("l/victim")],
  },
  { name: "directory through a link", entries: () => [link("l", "../outside"), directory("l/directory")] },
  {
    name: "device over a link",
    entries: ({ outside }) => [
      link("l", `${outside}/victim`),
      { path: "l", type: "character-device", device: { major: 1, minor: 3 } },
    ],
  },
  { name: "FIFO through a link", entries: () => [link("l", "../outside"), { path: "l/pipe", type: "fifo" }] },
  { name: "link through a link", entries: () => [link("l", "../outside"), link("l/victim", "/etc/passwd")] },
  { name: "hard link by ..", refused: true, entries: () => [hard("h", "../outside/victim")] },
  { name: "absolute hard link", refused: true, entries: ({ outside }) => [hard("h", `${outside}/victim`)] },
  {
    name: "hard link through a link",
    refused: true,
    entries: () => [link("l", "../outside"), hard("h", "l/victim")],
  },
  {
    name: "hard link through an absolute link",
    refused: true,
    entries: ({ outside }) => [link("l", outside), hard("h", "l/victim")],
  },
  {
    name: "hard link to a link, then written",
    entries: ({ outside }) => [link("l", `${outside}/victim`), hard("h", "l"), write("h")],
  },
  {
    name: "hard link made in a linked directory",
    entries: () => [write("f"), link("l", "../outside"), hard("l/victim", "f")],
  },
  { name: "hard link to a directory", refused: true, entries: () => [directory("d"), hard("h", "d")] },
  { name: "hard link to the root", refused: true, entries: () => [hard("h", "..")] },
  { name: "whiteout by ..", entries: () => [{ path: "../outside/.wh.victim" }] },
  { name: "absolute whiteout", entries: ({ outside }) => [{ path: `${outside}/.wh.victim` }] },
  { name: "whiteout through a link", entries: () => [link("l", "../outside"), { path: "l/.wh.victim" }] },
  {
    name: "opaque marker through a link",
    entries: ({ outside }) => [link("l", outside), { path: "l/.wh..wh..opq" }],
  },
  { name: "whiteout of a link", entries: ({ outside }) => [link("l", outside), { path: ".wh.l" }] },
  { name: "links in a circle", refused: true, entries: () => [link("a", "b"), link("b", "a"), write("a/x")] },
  { name: "a link to itself", refused: true, entries: () => [link("a", "a/../a"), write("a/x")] },
  {
    name: "through /proc, which the root has not",
    entries: () => [link("l", "/proc/self/root"), write("l/outside/victim")],
  },
  {
    name: "a file as a directory",
    refused: true,
    entries: () => [write("f"), write("f/../x/y"), write("f/x")],
  },
];

for (const target of TARGETS) {
  for (const { name, entries, refused = false } of BREAKOUTS) {
    test(`${name}: ${target}`, async () => {
      using dir = tempDir();
      const canary = openCanary(dir);
      const error = await attack(canary, [entries(canary)], target);
      assert.is(error !== undefined, refused, error?.message);
    });

    test(`${name}, over two layers: ${target}`, async () => {
      using dir = tempDir();
      const canary = openCanary(dir);
      const all = entries(canary);
      const error = await attack(canary, [all.slice(0, -1), all.slice(-1)], target);
      assert.is(error !== undefined, refused, error?.message);
    });
  }
}

test.run();
