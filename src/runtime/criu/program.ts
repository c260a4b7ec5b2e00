import { CtrError } from "../../core/errors.ts";
import { readSmallFile } from "../../sys/small-file.ts";

/** The runtime starts it, and finds it on PATH as we do. Throws NotFound naming the package. */
export function requireCriu(): void {
  const path = process.env.PATH ?? "";
  if (Bun.which("criu", { PATH: path }) !== null) return;
  throw new CtrError("NotFound", `criu in PATH (${path})`, { hint: "install it with: apt-get install criu" });
}

/** Of those that criu has logged, the last: what went wrong, and what that led to. Earlier ones it got over. */
const ERRORS_MAX = 2;

/**
 * What criu's log says in place of the runtime's words, which only say that there is one; those when there is none, or
 * when it is the runtime that failed: at its part in between, the hooks.
 */
export function criuFailure(logPath: string, subject: string, error: unknown): unknown {
  const lines = (readSmallFile(logPath) ?? "").split("\n");
  const errors = lines.flatMap((line) => /\bError \([^)]*\): (.*\S)/.exec(line)?.[1] ?? []);
  // What comes after the news that it failed is the consequence.
  const end = errors.findIndex((words) => /^(Dumping|Restoring) FAILED/.test(words));
  const causes = (end === -1 ? errors : errors.slice(0, end)).slice(-ERRORS_MAX);
  if (causes.length === 0 || causes.at(-1)?.endsWith("action scripts failed")) return error;
  const words = causes.join("; ");
  return new CtrError("Unknown", `${subject}: criu failed: ${words}`, {
    hint: KNOWS_NOT_ITS_SOCKETS.test(words)
      ? "this kernel has sockets that criu knows since 4.2"
      : "options that criu asks for can be set in /etc/criu/runc.conf",
  });
}

/** Linux 6.16 has SO_PASSCRED and SO_PASSSEC for some families alone. */
const KNOWS_NOT_ITS_SOCKETS = /Can't get 1:(16|34) opt: Operation not supported/;
