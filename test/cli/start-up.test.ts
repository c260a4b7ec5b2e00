import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

/**
 * What a command does not use, it does not load: a static import anywhere on its way costs every command its time.
 * Modules are followed from source to source; types cost nothing.
 */
const SOURCE_DIR = join(import.meta.dirname, "../../src");

function loadedBy(...entries: string[]): Set<string> {
  const loaded = new Set<string>();
  const pending = entries.map((entry) => join(SOURCE_DIR, entry));
  for (let file = pending.pop(); file; file = pending.pop()) {
    const name = relative(SOURCE_DIR, file);
    if (loaded.has(name)) continue;
    loaded.add(name);
    const source = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, clause = "", target = ""] of source.matchAll(
      /^(?:import|export)\b([^;"']*?)\bfrom\s*"([^"]+)"/gm,
    )) {
      if (/^\s*type\b/.test(clause)) continue;
      if (target.endsWith(".ts")) pending.push(join(dirname(file), target));
      else loaded.add(target);
    }
  }
  return loaded;
}

const HEAVY =
  /^(?:client|content|metadata|runtime|snapshotters|oci|sys|diff|remotes)\/|^(?:commander|chalk|execa|ora|tar-stream|bun:|node:(?:child_process|http|https|net|util|zlib|crypto))/;

const heavy = (...entries: string[]): string[] =>
  [...loadedBy(...entries)].filter((name) => HEAVY.test(name));

test("a command line is read without the client, help or any package", () => {
  assert.equal(heavy("cli/program.ts"), []);
});

test("the version is answered by as little", () => {
  assert.equal(heavy("cli/commands/version.ts"), []);
});

test("the executable's first words import nothing: in a supervisor they are all there is of the command line", () => {
  assert.equal([...loadedBy("cli/main.ts")], ["cli/main.ts"]);
});

test("listings of records load neither content, tasks nor registries", () => {
  for (const noun of ["containers", "namespaces", "leases"]) {
    assert.equal(heavy(`cli/commands/${noun}/list.ts`), [], noun);
  }
});

test("gRPC and the TOML parser are loaded only when something is called or read", async () => {
  const files = await Array.fromAsync(new Bun.Glob("**/*.ts").scan({ cwd: SOURCE_DIR }));
  const packages = [...loadedBy(...files)].filter((name) => /^(?:@grpc|protobufjs|smol-toml)/.test(name));
  assert.equal(packages, []);
});

test("the built-in snapshotters load nothing of plugins'", () => {
  const loaded = [...loadedBy("client/open.ts", "snapshotters/index.ts", "client/collect.ts")];
  assert.equal(
    loaded.filter((name) => name.startsWith("snapshotters/proxy/")),
    [],
  );
});

test.run();
