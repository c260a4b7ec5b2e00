import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fixtures } from "./fixtures.ts";
import { measureRow, median } from "./measure.ts";
import type { Row } from "./row.ts";
import type { Side } from "./side.ts";

const side = (name: string) => ({ name }) as Side;
const fixtures = {} as Fixtures;

test("the median is the middle, or between the two middles", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
});

test("sides take turns, the first round is not counted, and the order alternates", async () => {
  const order: string[] = [];
  const row: Row = {
    name: "row",
    group: "group",
    unit: "ms",
    runs: 2,
    measure: async ({ name }) => order.push(name),
  };
  const [a, b] = await measureRow(row, [side("a"), side("b")], fixtures, row.runs);
  assert.equal(order, ["a", "b", "a", "b", "b", "a"]);
  assert.equal(
    [a?.values, b?.values],
    [
      [3, 6],
      [4, 5],
    ],
  );
});

test("a side that fails stays out with its reason, is still cleaned up, and does not stop the other", async () => {
  const cleaned: string[] = [];
  const row: Row = {
    name: "row",
    group: "group",
    unit: "MB",
    runs: 2,
    async prepare({ name }) {
      if (name === "a") throw new Error("no such command");
    },
    measure: async () => 7,
    cleanUp: async ({ name }) => void cleaned.push(name),
  };
  const [a, b] = await measureRow(row, [side("a"), side("b")], fixtures, row.runs);
  assert.equal([a?.values, a?.failure], [[], "no such command"]);
  assert.equal([b?.values, b?.failure], [[7, 7], undefined]);
  assert.equal(cleaned, ["a", "b"]);
});

test.run();
