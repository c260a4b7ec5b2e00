import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Group, isGroup, type Leaf } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands/table.ts";
import { type Flags, flagName } from "../../src/cli/flags/flag.ts";
import { globalFlags } from "../../src/cli/globals.ts";
import { run } from "../support/run-program.ts";

/** Every command, alias and flag that the real ctr's own help names is there, and takes a value where theirs does. */
const test = suite("the real ctr's help has nothing that is not here");

/** What has no meaning without a daemon, and says so when it is called. */
const NOT_HERE = new Set(["pprof", "shim"]);

interface Help {
  /** The first name, then aliases. */
  commands: string[][];
  flags: { names: string[]; takesValue: boolean }[];
}

/** As urfave/cli prints it: two blanks and more between what is named and what it is. */
async function readHelp(path: readonly string[]): Promise<Help> {
  const { stdout } = await run(["ctr", ...path, "--help"]);
  const section = (title: string) =>
    new RegExp(`^${title}:\\n((?: {3}.*\\n|\\n)*)`, "m").exec(stdout)?.[1] ?? "";
  const firsts = (text: string) => text.split("\n").map((line) => line.trim().split(/ {2,}/)[0]!);
  const named = firsts(section("COMMANDS")).filter((line) => line !== "" && !line.endsWith(":"));
  const flagged = firsts(section("(?:GLOBAL )?OPTIONS")).filter((line) => line.startsWith("-"));
  return {
    commands: named.map((line) => line.split(", ")).filter(([name]) => name !== "help"),
    flags: flagged.map((line) => ({
      names: line.split(", ").map((name) => name.replace(/^-+/, "").split(" ")[0]!),
      takesValue: line.split(", ")[0]!.includes(" "),
    })),
  };
}

async function compare(path: readonly string[], entry: Leaf | Group, missing: string[]): Promise<number> {
  const help = await readHelp(path);
  const own = isGroup(entry) ? (entry.flags ?? {}) : (await entry.load()).default.flags;
  compareFlags(path, help, path.length === 0 ? { ...own, ...globalFlags } : own, missing);
  let count = help.flags.length;
  for (const names of help.commands) {
    const [name = ""] = names;
    const found = isGroup(entry) ? entry.members.find((member) => member.names.includes(name)) : undefined;
    const where = [...path, name].join(" ");
    if (found === undefined) missing.push(`command ${where}`);
    else {
      for (const alias of names) if (!found.names.includes(alias)) missing.push(`alias ${alias} of ${where}`);
      if (!NOT_HERE.has(name)) count += await compare([...path, name], found, missing);
    }
  }
  return count;
}

function compareFlags(path: readonly string[], { flags }: Help, own: Flags, missing: string[]): void {
  const spelled = new Map(
    Object.entries(own).flatMap(([key, flag]) => [
      [flagName(key), flag] as const,
      ...(flag.alias ? [[flag.alias, flag] as const] : []),
    ]),
  );
  for (const { names, takesValue } of flags) {
    for (const name of names.filter((each) => !["help", "h", "version", "v"].includes(each))) {
      const flag = spelled.get(name);
      const where = `${path.join(" ")} --${name}`;
      if (flag === undefined) missing.push(where);
      else if ((flag.kind !== "boolean") !== takesValue)
        missing.push(`${where} ${takesValue ? "with" : "without"} a value`);
    }
  }
}

test("commands, aliases and flags", async () => {
  const missing: string[] = [];
  const count = await compare([], commands, missing);
  assert.equal(missing, []);
  assert.ok(count > 200, `only ${count} flags were found in its help`);
});

test.run();
