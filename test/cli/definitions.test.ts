import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CommandDefinition, type Group, isGroup } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands/table.ts";
import { flagName } from "../../src/cli/flags/flag.ts";
import { globalFlags } from "../../src/cli/globals.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { resolve } from "../../src/cli/resolve.ts";

interface Found {
  path: string[];
  definition: CommandDefinition;
}

async function leavesOf(group: Group, path: string[] = []): Promise<Found[]> {
  const found = await Promise.all(
    group.members.map(async (entry) => {
      const below = [...path, entry.names[0]!];
      return isGroup(entry)
        ? leavesOf(entry, below)
        : [{ path: below, definition: (await entry.load()).default }];
    }),
  );
  return found.flat();
}

/** One complaint for each name that stands twice. */
const doubles = (names: readonly string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

test("no name stands for two commands of a group", () => {
  const groups = [commands, ...commands.members.filter(isGroup)];
  for (const { names, members } of groups) {
    assert.equal(doubles(members.flatMap((entry) => entry.names)), [], names[0]);
  }
});

test("no spelling stands for two flags, and every short one is a letter", async () => {
  for (const { path, definition } of await leavesOf(commands)) {
    const flags = Object.entries(definition.flags);
    const spellings = flags.flatMap(([key, { alias }]) => [flagName(key), ...(alias ? [alias] : [])]);
    assert.equal(doubles(spellings), [], path.join(" "));
    for (const [, { alias }] of [...flags, ...Object.entries(globalFlags)]) {
      if (alias) assert.match(alias, /^[a-z]$/, path.join(" "));
    }
  }
});

test("summaries are one line without a full stop, in lower case but for names", async () => {
  for (const { path, definition } of await leavesOf(commands)) {
    const lines = [definition.summary, ...Object.values(definition.flags).map(({ summary }) => summary)];
    for (const line of lines) {
      assert.not.match(line, /\n|\.$/, `${path.join(" ")}: ${line}`);
      assert.match(line, /^(?:[a-z]|OCI|GPU|CPU|Intel|AppArmor)/, `${path.join(" ")}: ${line}`);
    }
  }
});

test("what is left over is the last argument, after the others", async () => {
  for (const { path, definition } of await leavesOf(commands)) {
    const kinds = Object.values(definition.args).map(({ kind }) => kind);
    assert.ok(!kinds.slice(0, -1).includes("variadic"), path.join(" "));
    assert.ok(!kinds.join(" ").includes("optional required"), path.join(" "));
  }
});

test("help shows every flag of every command", async () => {
  for (const { path, definition } of await leavesOf(commands)) {
    const help = commandHelp(path, definition);
    assert.match(help, `Usage: ctr ${path.join(" ")}`);
    for (const key of Object.keys(definition.flags)) assert.match(help, `--${flagName(key)}`);
  }
});

test("every example is a command line that is understood", async () => {
  for (const { path, definition } of await leavesOf(commands)) {
    for (const example of definition.examples ?? []) {
      const words = example.split(/ [|<>]/)[0]!.split(" ");
      const request = await resolve(commands, words);
      assert.is(request.kind, "run", example);
      if (request.kind === "run") assert.equal(request.path, path, example);
    }
  }
});

test.run();
