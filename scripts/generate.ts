/**
 * Writes completions/ and man/ from the command definitions. With `--check` it writes nothing and fails when one of
 * them is not what it would write.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commands } from "../src/cli/commands/table.ts";
import { bashScript, zshScript } from "../src/cli/completion/shell-scripts.ts";
import { manPages } from "../src/cli/man-pages.ts";

const project = join(import.meta.dirname, "..");

/** Every generated file by its path in the project. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const pages = await manPages(commands);
  return new Map([
    ["completions/ctr.bash", bashScript],
    ["completions/_ctr", zshScript],
    ...[...pages].map(([name, text]) => [`man/${name}`, text] as const),
  ]);
}

/** Paths that are missing, different, or there without a command. */
export function staleFiles(files: ReadonlyMap<string, string>): string[] {
  const changed = [...files].filter(([path, text]) => readIfThere(join(project, path)) !== text);
  const orphaned = listed("completions", "man").filter((path) => !files.has(path));
  return [...changed.map(([path]) => path), ...orphaned];
}

function listed(...directories: string[]): string[] {
  return directories.flatMap((directory) => {
    try {
      return readdirSync(join(project, directory)).map((name) => `${directory}/${name}`);
    } catch {
      return [];
    }
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const files = await generatedFiles();
  const stale = staleFiles(files);
  if (process.argv.includes("--check")) {
    for (const path of stale) console.error(`${path} is stale: run npm run generate`);
    process.exit(stale.length > 0 ? 1 : 0);
  }
  for (const path of stale) {
    const text = files.get(path);
    mkdirSync(dirname(join(project, path)), { recursive: true });
    if (text === undefined) rmSync(join(project, path));
    else writeFileSync(join(project, path), text);
    console.log(path);
  }
}
