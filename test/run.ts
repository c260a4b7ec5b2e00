/**
 * Runs test files, each in a process and a temporary directory of its own, and sums what uvu says. Ends with
 * `N passed, N failed`. A file fails also when it reports nothing (a forgotten `.run()`), when it does not end, or
 * when it leaves a mount, a process, a file or a cgroup behind.
 *
 *     bun test/run.ts [word…]     only files whose path contains one of the words
 *
 * Files whose first line is `// exclusive: REASON` run while no other does.
 */
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { abortRunning, type FileReport, runTestFile } from "./support/run-test-file.ts";

const MAX_PARALLEL = 2;
const testDir = import.meta.dirname;

async function findFiles(words: readonly string[]): Promise<string[]> {
  const glob = new Bun.Glob("**/*.test.ts");
  const files = (await Array.fromAsync(glob.scan({ cwd: testDir, absolute: true }))).sort();
  return files.filter(
    (file) => words.length === 0 || words.some((word) => relative(testDir, file).includes(word)),
  );
}

async function isExclusive(file: string): Promise<boolean> {
  const head = await Bun.file(file).slice(0, 100).text();
  return head.startsWith("// exclusive: ");
}

async function runAll(files: readonly string[], parallel: number): Promise<FileReport[]> {
  const queue = [...files];
  const reports: FileReport[] = [];
  const work = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const report = await runTestFile(file);
      reports.push(report);
      print(file, report);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return reports;
}

function print(file: string, { passed, failed, skipped, problems, output, seconds }: FileReport): void {
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ""}${skipped ? `, ${skipped} skipped` : ""}`;
  console.log(
    `${failed ? "✘" : "•"} ${join("test", relative(testDir, file))}  ${counts}  ${seconds.toFixed(1)} s`,
  );
  if (failed === 0) return;
  console.log(output.replace(/^/gm, "    ").trimEnd());
  for (const problem of problems) console.log(`    ${problem}`);
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => abortRunning().finally(() => process.exit(1)));
}

const words = process.argv.slice(2);
const files = await findFiles(words);
const exclusive = new Set<string>();
for (const file of files) if (await isExclusive(file)) exclusive.add(file);
const shared = files.filter((file) => !exclusive.has(file));
const reports = [
  ...(await runAll(shared, Math.min(MAX_PARALLEL, availableParallelism()))),
  ...(await runAll([...exclusive], 1)),
];
const passed = sum(reports.map((report) => report.passed));
const failed = sum(reports.map((report) => report.failed));
const skipped = sum(reports.map((report) => report.skipped));
if (files.length === 0) console.log(`no test file matches ${words.join(", ")}`);
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
