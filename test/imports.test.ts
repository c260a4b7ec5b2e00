import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const SOURCE_DIR = join(import.meta.dirname, "../src");
const IMPLEMENTATIONS = "content metadata snapshotters diff remotes images oci runtime events network".split(
  " ",
);
const LOWER = ["sys", "files", "tar"];
/** What each folder of src may import, besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ...Object.fromEntries(LOWER.map((name) => [name, [...LOWER, "core"]])),
  ...Object.fromEntries(IMPLEMENTATIONS.map((name) => [name, [...LOWER, "core"]])),
  client: [...IMPLEMENTATIONS, ...LOWER, "core"],
  cli: ["client", "core", "sys", "files"],
};
/** A module that only one folder may import, since it is the one place that answers for it. */
const FENCED: Readonly<Record<string, string>> = { "bun:ffi": "sys", "bun:sqlite": "metadata" };
const SUPERVISOR = "runtime/supervisor/";
const SUPERVISOR_MAIN = "runtime/supervisor/main.ts";
/** What the executable is besides a command line. */
const ROLES = [SUPERVISOR_MAIN, "runtime/supervisor/restore-hook.ts"];
/** Each supervisor would pay for it as long as its task lives: `sys` has what it needs of it, for 350 kB less. */
const HEAVY = "node:fs";
/** The only two that may end the process. */
const MAINS = ["cli/main.ts", SUPERVISOR_MAIN];

interface Arrow {
  from: string;
  /** Below src, or a module's name. */
  to: string;
  /** A dynamic import. */
  late: boolean;
  isOfTypes: boolean;
}

/** Static and dynamic imports and re-exports, also of types: a type is an arrow too. */
function arrowsOf(file: string, source: string): Arrow[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const statics = [...code.matchAll(/^\s*(?:import|export)\b[^;"'`]*?(?:from\s*)?["']([^"']+)["']/gm)];
  const dynamics = [...code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g)];
  const arrow = ([text, name = ""]: RegExpMatchArray, late: boolean): Arrow => {
    const to = name.startsWith(".") ? join(dirname(file), name) : name;
    return { from: file, to, late, isOfTypes: /^\s*(?:import|export) type\b/.test(text) };
  };
  return [...statics.map((match) => arrow(match, false)), ...dynamics.map((match) => arrow(match, true))];
}

const arrowsFrom = (file: string): Arrow[] => arrowsOf(file, readFileSync(join(SOURCE_DIR, file), "utf8"));

/** The modules of src that are loaded with it, and by which. */
function loadedWith(file: string, loaded: Map<string, Arrow[]> = new Map()): Map<string, Arrow[]> {
  if (loaded.has(file)) return loaded;
  const arrows = arrowsFrom(file).filter(({ late, isOfTypes }) => !late && !isOfTypes);
  loaded.set(file, arrows);
  for (const { to } of arrows) if (to.endsWith(".ts")) loadedWith(to, loaded);
  return loaded;
}

/** Why an arrow must not be; undefined when it may. */
function objection({ from, to, late }: Omit<Arrow, "isOfTypes">): string | undefined {
  const folder = from.split("/")[0] ?? "";
  const fence = FENCED[to];
  if (fence) return fence === folder ? undefined : `only src/${fence} imports ${to}`;
  if (!to.includes(".ts")) return undefined;
  if (to.startsWith("..")) return "src imports nothing outside of src";
  if (ROLES.includes(to)) {
    return from === "cli/main.ts" && late
      ? undefined
      : `${to} is a role of its own: only cli/main.ts loads it, late`;
  }
  const target = to.split("/")[0] ?? "";
  if (from.startsWith(SUPERVISOR) && target === "runtime") return undefined;
  // An entry point puts together what its role needs.
  if (from === SUPERVISOR_MAIN && target === "events") return undefined;
  if (target === folder || ALLOWED[folder]?.includes(target)) return undefined;
  return ALLOWED[folder]
    ? `${folder} imports only ${[folder, ...ALLOWED[folder]].join(", ")}`
    : `${folder} is unknown to this test`;
}

function exits(file: string, source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  return /\bprocess\.exit\(/.test(code) && !MAINS.includes(file)
    ? [`${file}: only ${MAINS.join(" and ")} end the process`]
    : [];
}

/** Modules that lead back to themselves, types included: neither of two can be read before the other. */
function inCircles(arrows: readonly Pick<Arrow, "from" | "to" | "late">[]): string[] {
  let left = arrows.filter(({ late }) => !late);
  for (;;) {
    const [froms, tos] = [new Set(left.map(({ from }) => from)), new Set(left.map(({ to }) => to))];
    const kept = left.filter(({ from, to }) => tos.has(from) && froms.has(to));
    if (kept.length === left.length) return [...froms].sort();
    left = kept;
  }
}

const rules = suite("imports: rules");

rules("find static, dynamic, type, re-exported and multi-line imports, and no commented ones", () => {
  const source = `import type { A } from "../core/a.ts";
import {
  b,
} from "./b.ts";
export * from "../sys/c.ts";
import "node:fs";
// import "../cli/no.ts";
/** import "../cli/no.ts"; */
const d = await import("../files/d.ts");`;
  const found = arrowsOf("content/x.ts", source).map(({ to, late }) => `${to}${late ? " late" : ""}`);
  assert.equal(found, ["core/a.ts", "content/b.ts", "sys/c.ts", "node:fs", "files/d.ts late"]);
});

rules("object to every arrow against the direction", () => {
  const arrow = (from: string, to: string, late = false) => objection({ from, to, late });
  assert.is(arrow("core/a.ts", "sys/b.ts"), "core imports only core");
  assert.match(arrow("content/a.ts", "metadata/b.ts") ?? "", "content imports only");
  assert.match(arrow("client/a.ts", "cli/b.ts") ?? "", "client imports only");
  assert.match(arrow("runtime/supervisor/a.ts", "content/b.ts") ?? "", "runtime imports only");
  assert.match(arrow("runtime/supervisor/a.ts", "events/b.ts") ?? "", "runtime imports only");
  assert.is(arrow("runtime/supervisor/main.ts", "events/b.ts"), undefined);
  assert.is(arrow("files/a.ts", "bun:ffi"), "only src/sys imports bun:ffi");
  assert.is(arrow("client/a.ts", "bun:sqlite"), "only src/metadata imports bun:sqlite");
  assert.match(arrow("runtime/a.ts", SUPERVISOR_MAIN) ?? "", "role of its own");
  assert.match(arrow("cli/main.ts", SUPERVISOR_MAIN) ?? "", "role of its own");
  assert.is(arrow("cli/main.ts", SUPERVISOR_MAIN, true), undefined);
  assert.is(arrow("cli/main.ts", "client/open.ts"), undefined);
  assert.match(arrow("surprise/a.ts", "core/b.ts") ?? "", "unknown");
  assert.equal(exits("client/a.ts", "process.exit(1)").length, 1);
  assert.equal(exits("cli/main.ts", "process.exit(1)"), []);
});

rules("find those that go round in a circle, and not what leads there or away", () => {
  const arrow = (from: string, to: string, late = false) => ({ from, to, late });
  const circle = [arrow("a.ts", "b.ts"), arrow("b.ts", "c.ts"), arrow("c.ts", "a.ts")];
  const beside = [
    arrow("before.ts", "a.ts"),
    arrow("b.ts", "after.ts"),
    arrow("after.ts", "before.ts", true),
  ];
  assert.equal(inCircles([...circle, ...beside]), ["a.ts", "b.ts", "c.ts"]);
  assert.equal(inCircles(beside), []);
});

rules.run();

const sources = suite("imports: src");

const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SOURCE_DIR })];
const read = files.sort().map((file) => {
  const source = readFileSync(join(SOURCE_DIR, file), "utf8");
  return { file, source, arrows: arrowsOf(file, source) };
});

sources("keep to the direction", () => {
  assert.ok(files.length > 0);
  const complaints = read.flatMap(({ file, source, arrows }) => {
    const wrong = arrows.flatMap((arrow) => {
      const why = objection(arrow);
      return why ? [`${arrow.from} -> ${arrow.to}: ${why}`] : [];
    });
    return [...wrong, ...exits(file, source)];
  });
  assert.is(complaints.join("\n"), "");
});

sources("go round in no circle", () => {
  assert.equal(inCircles(read.flatMap(({ arrows }) => arrows)), []);
});

sources("give a supervisor nothing heavy from its start", () => {
  const loaded = loadedWith(SUPERVISOR_MAIN);
  assert.ok(loaded.has("sys/small-file.ts"));
  const heavy = [...loaded.values()].flat().filter(({ to }) => to === HEAVY);
  assert.equal(
    heavy.map(({ from }) => from),
    [],
  );
});

sources.run();
