import { test } from "uvu";
import * as assert from "uvu/assert";
import { reportLine } from "../../src/cli/failure.ts";
import { runtimeOptionsOf } from "../../src/client/containers/runtime.ts";
import { CtrError } from "../../src/core/errors.ts";

test("a failure is one line with its hint", () => {
  assert.is(
    reportLine(new CtrError("NotFound", "first\n  second", { hint: "look" })),
    "first; second: not found (look)",
  );
});

test("a stranger's words in a failure have no power over the terminal", () => {
  // As a checkpoint from a registry names its runtime.
  const name = "\u001b]0;title\u0007\u009b31m\r\u202e";
  let line = "";
  try {
    runtimeOptionsOf({ name });
  } catch (error) {
    line = reportLine(error);
  }
  assert.match(line, /invalid runtime name \\u001b]0;title\\u0007\\u009b31m\\u000d\\u202e, /);
});

test.run();
