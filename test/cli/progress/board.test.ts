import { test } from "uvu";
import * as assert from "uvu/assert";
import { createBoard } from "../../../src/cli/progress/board.ts";

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
const plain = (lines: readonly string[]) => lines.map((line) => line.replace(ESCAPES, "").trimEnd());
const wide = { columns: 200, rows: 40 };
const KIB = 1024;

test("rows stand in order of appearance, with bar and counter while bytes move", () => {
  const board = createBoard(0);
  board.update({ name: "registry/app:1", state: "resolved" });
  board.update({ name: "layer-a", state: "waiting", total: 4 * KIB });
  board.update({ name: "layer-b", state: "waiting" });
  board.update({ name: "layer-a", state: "downloading", offset: KIB, total: 4 * KIB });
  const full = "+".repeat(38);
  const empty = "-".repeat(38);
  assert.equal(plain(board.lines(2000, wide)), [
    `registry/app:1: resolved    |${full}|`,
    `layer-a:        downloading |${"+".repeat(9)}${"-".repeat(29)}| 1.0 KiB/4.0 KiB`,
    `layer-b:        waiting     |${empty}|`,
    "elapsed: 2.0 s  total: 1.0 KiB  (512.0 B/s)",
  ]);
});

test("unpacking shows how much, since nobody knows of how much", () => {
  const board = createBoard(0);
  board.update({ name: "layer-a", state: "done", offset: KIB, total: KIB });
  board.update({ name: "layer-a", state: "unpacking", offset: 10 * KIB });
  const [row] = plain(board.lines(1000, wide));
  assert.match(row!, /^layer-a: unpacking \|[+-]{38}\| 10\.0 KiB$/);
});

test("lines are no wider than the window, and digests are cut for it", () => {
  const board = createBoard(0);
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  board.update({ name: `layer-${digest}`, state: "downloading", offset: 5, total: 10 });
  const lines = plain(board.lines(1000, { columns: 80, rows: 24 }));
  assert.ok(lines.every((line) => line.length < 80));
  assert.match(lines[0]!, /^layer-sha256:0123456789ab: downloading \|/);
});

test("what is done gives way where rows are many, and what moves stays", () => {
  const board = createBoard(0);
  for (let layer = 0; layer < 30; layer++) board.update({ name: `layer-${layer}`, state: "done" });
  board.update({ name: "last", state: "downloading", offset: 1, total: 2 });
  const lines = plain(board.lines(1000, { columns: 80, rows: 12 }));
  assert.ok(lines.length <= 11);
  assert.ok(lines.some((line) => line.startsWith("last:")));
  assert.ok(lines.some((line) => line.startsWith("layer-29:")));
});

test.run();
