import { test } from "uvu";
import * as assert from "uvu/assert";
import { alignTabs } from "../../../src/cli/print/tab-writer.ts";
import { formatTable, tableStyles } from "../../../src/cli/print/table.ts";

test("narrow tables close every line with a padded cell", () => {
  const text = formatTable(
    tableStyles.narrow,
    ["NAME", "LABELS"],
    [
      ["default", "a=1"],
      ["x", ""],
    ],
  );
  assert.is(text, "NAME    LABELS \ndefault a=1    \nx              \n");
});

test("a header that alone ends with a tab leaves the last value of a row unpadded", () => {
  const text = formatTable(tableStyles.wideHeader, ["TASK", "PID", "STATUS"], [["c1", "12", "RUNNING"]]);
  assert.is(text, "TASK    PID    STATUS    \nc1      12     RUNNING\n");
});

test("wide tables have cells of at least four characters", () => {
  assert.is(formatTable(tableStyles.wide, ["A"], []), "A    \n");
});

test("tab-padded tables fill up to the next multiple of eight, with one tab at least", () => {
  const rows = [["sha256:0123456789", "416B", "2 seconds", "-"]];
  const text = formatTable(tableStyles.tabs, ["DIGEST", "SIZE", "AGE", "LABELS"], rows);
  assert.is(text, "DIGEST\t\t\tSIZE\tAGE\t\tLABELS\nsha256:0123456789\t416B\t2 seconds\t-\n");
});

test("an empty list is its header", () => {
  assert.is(formatTable(tableStyles.narrow, ["REF", "TYPE"], []), "REF TYPE \n");
});

test("a line without cells ends the columns above it", () => {
  const text = alignTabs("long name\t1\n\nab\t2\n", { minWidth: 1, padding: 1, fill: " " });
  assert.is(text, "long name 1\n\nab 2\n");
});

test("widths count characters, not bytes", () => {
  const text = formatTable(tableStyles.narrow, ["NAME"], [["äöü"], ["𝄞"]]);
  assert.is(text, "NAME \näöü  \n𝄞    \n");
});

test("a tab or line end in a value does not tear the table", () => {
  assert.is(formatTable(tableStyles.narrow, ["L"], [["a\tb\nc"]]), "L     \na b c \n");
});

test.run();
