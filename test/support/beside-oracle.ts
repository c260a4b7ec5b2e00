import * as assert from "uvu/assert";
import { type Oracle, type OracleOptions, oracleMissing, startOracle } from "./containerd.ts";
import type { RunResult } from "./run-program.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "./workbench.ts";

/** One command line for both; a tab in a word stands for a blank. */
export interface Step {
  line: string;
  stdin?: string;
  env?: Record<string, string>;
  /** Compare the class that ends the sentence, not its words: ours say more, or say it better. */
  classOnly?: boolean;
  /** Stands in for what differs on purpose, with the reason why. */
  ours?: { because: string; code?: number; stdout?: string; class?: string };
}

export interface BesideOptions extends WorkbenchOptions, OracleOptions {
  /** What both are brought to before the first step, and words that stand for names. */
  prepare?: (beside: Beside) => Promise<void>;
  normalise?: (text: string) => string;
}

/** The real ctr and ours, with a registry that both pull from. */
export interface Beside extends AsyncDisposable {
  readonly bench: Workbench;
  readonly oracle: Oracle;
  /** Replaces these words in steps. */
  readonly words: Map<string, string>;
  /** Both must succeed. */
  both(...words: string[]): Promise<void>;
  /** Exit code, standard output and the end of standard error must be equal. */
  step(step: Step | string): Promise<void>;
}

export async function openBeside(options: BesideOptions = {}): Promise<Beside> {
  const missing = options.programs ? undefined : oracleMissing();
  if (missing) throw new Error(`the real ctr is needed: ${missing}`);
  await using cleanup = new AsyncDisposableStack();
  const bench = cleanup.use(await openWorkbench({ isPulled: false, ...options }));
  const oracle = cleanup.use(await startOracle(bench.directory.path, options));
  const words = new Map([["IMAGE", bench.image]]);
  const beside: Beside = {
    bench,
    oracle,
    words,
    async both(...line) {
      await bench.ctr.ok(...line);
      await oracle.ok(...line);
    },
    async step(given) {
      const step = typeof given === "string" ? { line: given } : given;
      const line = step.line.split(" ").map((word) => replaced(word, words).replaceAll("\t", " "));
      const { stdin } = step;
      // The machine's own editor, proxies and temporary files are not the tests' business.
      const { PATH, HOME } = bench.ctr.env;
      const env = { PATH, HOME, TMPDIR: bench.directory.path, ...step.env };
      const theirs = await oracle.with({ stdin, env })(...line);
      const ours = await bench.ctr.with({ stdin, env: { ...bench.ctr.env, ...env } })(...line);
      const normalise = (text: string, namespace: string) =>
        (options.normalise ?? String)(comparable(text, namespace));
      compare(
        step,
        shown(theirs, (text) => normalise(text, oracle.namespace)),
        shown(ours, (text) => normalise(text, bench.ctr.namespace)),
      );
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
  await options.prepare?.(beside);
  const kept = cleanup.move();
  return beside;
}

function replaced(word: string, words: ReadonlyMap<string, string>): string {
  let result = word;
  for (const [name, value] of words) result = result.replaceAll(name, value);
  return result;
}

/** What two runs can never have in common. */
function comparable(text: string, namespace: string): string {
  return (
    text
      .replaceAll(namespace, "NAMESPACE")
      // Help has words of its own.
      .replace(/^(Incorrect Usage.*)\n[\s\S]*$/, "$1")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, "TIME")
      .replaceAll(/ +$/gm, "")
  );
}

interface Shown {
  code: number;
  stdout: string;
  lastLine: string;
}

const shown = ({ code, stdout, stderr }: RunResult, normalise: (text: string) => string): Shown => ({
  code,
  stdout: normalise(stdout),
  lastLine: normalise(stderr.trimEnd().split("\n").at(-1) ?? ""),
});

function compare({ line, classOnly, ours: expected }: Step, theirs: Shown, ours: Shown): void {
  assert.is(ours.code, expected?.code ?? theirs.code, `${line}: exit code, ${ours.lastLine}`);
  assert.is(ours.stdout, expected?.stdout ?? theirs.stdout, `${line}: standard output`);
  if (expected?.code !== undefined && expected.code !== theirs.code) return;
  if (!theirs.lastLine.startsWith("ctr:") && theirs.code === 0) return;
  const isByClass = classOnly || expected?.class !== undefined;
  const wanted = expected?.class ?? classOf(theirs.lastLine);
  if (isByClass) assert.is(classOf(ours.lastLine), wanted, `${line}: class of failure`);
  else assert.is(ours.lastLine.slice(0, theirs.lastLine.length), theirs.lastLine, `${line}: standard error`);
}

/** The words after the last colon, without our hint. */
const classOf = (line: string): string =>
  line
    .replace(/ \([^)]*\)$/, "")
    .split(": ")
    .at(-1)!;
