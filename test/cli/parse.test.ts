import { test } from "uvu";
import * as assert from "uvu/assert";
import { defineCommand, optional, required, variadic } from "../../src/cli/command.ts";
import { booleanFlag, listFlag, stringFlag } from "../../src/cli/flags/flag.ts";
import { normalise, spellings } from "../../src/cli/flags/normalise.ts";
import { parse } from "../../src/cli/parse.ts";
import { HelpWanted, MissingArgument, UsageError } from "../../src/cli/usage-error.ts";

const runLike = defineCommand({
  summary: "a command with a command of its own",
  flags: {
    rm: booleanFlag("remove"),
    tool: stringFlag("tool", { env: "CTR_TEST_TOOL" }),
    rate: stringFlag("rate", { default: "slow" }),
    switch: booleanFlag("switch", { env: "CTR_TEST_SWITCH" }),
    label: listFlag("label"),
  },
  args: { image: optional(), container: optional(), args: variadic() },
  commandAfter: 2,
  async run() {},
});

function parsed(definition: typeof runLike, ...words: string[]) {
  const leaf = normalise(words, spellings(definition.flags), definition.commandAfter);
  return parse({ definition, globals: [], leaf });
}

test("flags that are not given have their default, or none", () => {
  delete process.env.CTR_TEST_TOOL;
  const { flags } = parsed(runLike, "img").input;
  assert.equal(flags, { rm: false, tool: undefined, rate: "slow", switch: false, label: [] });
});

test("the last of several counts, of a list each", () => {
  const { flags } = parsed(runLike, "--rate", "a", "--rate=b", "--label", "x,y", "--label", "z", "img").input;
  assert.is(flags.rate, "b");
  assert.equal(flags.label, ["x,y", "z"]);
});

test("the environment stands in for a flag, an empty value too, and a given flag wins", () => {
  process.env.CTR_TEST_TOOL = "";
  assert.is(parsed(runLike, "img").input.flags.tool, "");
  process.env.CTR_TEST_TOOL = "env";
  assert.is(parsed(runLike, "img").input.flags.tool, "env");
  assert.is(parsed(runLike, "--tool=given", "img").input.flags.tool, "given");
  delete process.env.CTR_TEST_TOOL;
});

test("a bad value in the environment is a usage error", () => {
  process.env.CTR_TEST_SWITCH = "perhaps";
  try {
    assert.throws(
      () => parsed(runLike, "img"),
      (error: Error) =>
        error instanceof UsageError &&
        error.message === 'invalid boolean value "perhaps" for -switch: parse error',
    );
  } finally {
    delete process.env.CTR_TEST_SWITCH;
  }
});

function binds(line: string, expected: object): void {
  test(`binds ${line}`, () => assert.equal(parsed(runLike, ...line.split(" ")).input.args, expected));
}

binds("img", { image: "img", container: undefined, args: [] });
binds("img id", { image: "img", container: "id", args: [] });
binds("img id sh --rm -c x", { image: "img", container: "id", args: ["sh", "--rm", "-c", "x"] });
binds("img id -- sh", { image: "img", container: "id", args: ["--", "sh"] });
binds("img -- sh -c x", { image: "img", container: undefined, args: ["sh", "-c", "x"] });
binds("-- img id sh", { image: "img", container: "id", args: ["sh"] });

test("a missing argument is told in the command's own words, or shows help", () => {
  const strict = defineCommand({
    summary: "strict",
    flags: {},
    args: { key: required("a key is needed"), value: required() },
    async run() {},
  });
  const leafOf = (...words: string[]) => normalise(words, spellings(strict.flags));
  const parseStrict = (...words: string[]) =>
    parse({ definition: strict, globals: [], leaf: leafOf(...words) });
  assert.throws(
    () => parseStrict(),
    (error: Error) => error instanceof MissingArgument && error.message === "a key is needed",
  );
  assert.throws(
    () => parseStrict("k"),
    (error: Error) => error instanceof HelpWanted,
  );
  assert.equal(parseStrict("k", "v").input.args, { key: "k", value: "v" });
  assert.equal(parseStrict("k", "v").surplus, []);
  assert.equal(parseStrict("k", "v", "w", "x").surplus, ["w", "x"]);
});

test("a command of the container's own is never too long", () => {
  for (const line of ["img id sh -c x", "img -- sh -c x", "img"]) {
    assert.equal(parsed(runLike, ...line.split(" ")).surplus, []);
  }
});

test.run();
