import { test } from "uvu";
import * as assert from "uvu/assert";
import { commands } from "../../src/cli/commands/table.ts";
import { groupHelp } from "../../src/cli/help.ts";

test("help names every alias of a command", async () => {
  const help = await groupHelp([], commands);
  assert.match(help, /^ {2}containers, c, container {2,}manage containers$/m);
  assert.match(help, /^ {2}version {2,}/m);
});

test.run();
