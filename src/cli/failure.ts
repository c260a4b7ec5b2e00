import { CtrError } from "../core/errors.ts";
import { withoutPower } from "../core/quote.ts";
import { writeError } from "./output.ts";
import { UnknownCommand, UsageError } from "./usage-error.ts";

const EXIT_FAILURE = 1;
const EXIT_UNKNOWN_COMMAND = 3;
/** What a shell reports for a program that SIGPIPE ended, as it ends Go's. */
const EXIT_BROKEN_PIPE = 141;

/** Says in one line on standard error what went wrong and answers the exit code. A broken pipe says nothing. */
export function reportFailure(thrown: unknown, debug: boolean): number {
  const error = rootFailure(thrown);
  if ((error as NodeJS.ErrnoException)?.code === "EPIPE") return EXIT_BROKEN_PIPE;
  const unknownCommand = error instanceof UnknownCommand;
  writeError(`${unknownCommand ? "" : "ctr: "}${reportLine(error)}\n`);
  if (debug) writeError(`${fullStory(thrown)}\n`);
  return unknownCommand ? EXIT_UNKNOWN_COMMAND : EXIT_FAILURE;
}

/** The failure that came first: cleaning up after it may have failed as well, which hides it one level down. */
function rootFailure(thrown: unknown): unknown {
  let error = thrown;
  for (;;) {
    if (error instanceof SuppressedError) error = error.suppressed;
    else if (error instanceof AggregateError && error.errors.length > 0) error = error.errors[0];
    else return error;
  }
}

/** The sentence, with the hint in parentheses. Strangers' words may be in it: names in images, what programs say. */
export function reportLine(error: unknown): string {
  const message =
    error instanceof Error ? systemFailure(error) || error.message || error.name : String(error);
  const hinted = error instanceof CtrError || error instanceof UsageError || error instanceof UnknownCommand;
  const hint = hinted ? error.hint : undefined;
  const line = message.trim().replaceAll(/\s*\n\s*/g, "; ");
  return withoutPower(hint ? `${line} (${hint})` : line);
}

/** What Node says of a failed system call, in the order of all our others: `open "x": no such file or directory`. */
function systemFailure({ message, code, syscall, path }: NodeJS.ErrnoException): string | undefined {
  if (!code || !syscall || !message.startsWith(`${code}: `)) return undefined;
  const words = message.slice(code.length + 2).split(`, ${syscall}`)[0];
  return `${syscall}${path ? ` ${JSON.stringify(path)}` : ""}: ${words}`;
}

function fullStory(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.stack ?? at.message);
  return causes.join("\ncaused by: ");
}
