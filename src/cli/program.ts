import { quote } from "../core/quote.ts";
import { commands } from "./commands/table.ts";
import { createContext } from "./context.ts";
import { reportFailure } from "./failure.ts";
import { warn, writeOut } from "./output.ts";
import { parse } from "./parse.ts";
import { type Request, type RunRequest, resolve } from "./resolve.ts";
import { HelpWanted } from "./usage-error.ts";

export { withSystemPrograms } from "./system-path.ts";
export { reportFailure };

/** How long a command may tidy up after its time is over. */
const GRACE_MILLISECONDS = 2000;

/** Runs one command line and answers its exit code; never throws. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let debug = false;
  try {
    if (argv[0] === "__complete") return await complete(argv.slice(1));
    if (argv.at(-1) === "--generate-bash-completion") return await listCandidates(argv.slice(0, -1));
    const request = await resolve(commands, argv);
    if (request.kind !== "run") return await explain(request);
    debug = request.globals.some(({ key, text }) => key === "debug" && text !== "false");
    return await runCommand(request);
  } catch (error) {
    return reportFailure(error, debug);
  }
}

async function runCommand(request: RunRequest): Promise<number> {
  const { path, definition } = request;
  try {
    const { globals, input, surplus } = parse(request);
    // As the real one; but who gave two names thinks of both.
    if (surplus.length > 0) warn(`ctr ${path.join(" ")} ignores ${surplus.map(quote).join(", ")}`);
    return await withDeadline(globals.timeout, async (signal) => {
      await using context = createContext(globals, signal);
      return (await definition.run(input, context)) ?? 0;
    });
  } catch (error) {
    if (error instanceof HelpWanted) return explain({ kind: "command-help", path, definition });
    throw error;
  }
}

async function complete(words: readonly string[]): Promise<number> {
  const { runCompletion } = await import("./completion/run-completion.ts");
  return runCompletion(words);
}

async function listCandidates(words: readonly string[]): Promise<number> {
  const { commandNames } = await import("./completion/command-names.ts");
  const names = await commandNames(words);
  writeOut(names.map((name) => `${name}\n`).join(""));
  return 0;
}

/** Help or the version: to standard output, with a problem's sentence around it. */
async function explain(request: Exclude<Request, RunRequest>): Promise<number> {
  if (request.kind === "version") {
    const { version } = await import("./version.ts");
    writeOut(`ctr version ${version}\n`);
    return 0;
  }
  const { commandHelp, groupHelp } = await import("./help.ts");
  const help =
    request.kind === "command-help"
      ? commandHelp(request.path, request.definition)
      : await groupHelp(request.path, request.group);
  const { problem } = request;
  if (!problem) {
    writeOut(help);
    return 0;
  }
  writeOut(`Incorrect Usage${request.kind === "command-help" ? ":" : "."} ${problem.message}\n\n${help}`);
  return reportFailure(problem, false);
}

/**
 * Aborts the work's signal when the time is over and fails with Go's words for it; 0 is no limit. The work has a
 * moment to undo what it holds before the process ends.
 */
async function withDeadline(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  if (milliseconds <= 0) return work(controller.signal);
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const over = new Error("context deadline exceeded");
    controller.abort(over);
    setTimeout(() => deadline.reject(over), GRACE_MILLISECONDS);
  }, milliseconds);
  const running = work(controller.signal);
  try {
    return await Promise.race([running, deadline.promise]);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
