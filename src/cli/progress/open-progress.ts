import { isatty } from "node:tty";
import type { ProgressListener } from "../../core/progress.ts";

/** Shows the way of long work until it is disposed. */
export interface Progress extends Disposable {
  /** Whether it owns the terminal: lines of others' must wait until it is disposed. */
  readonly isLive: boolean;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * A live screen where standard error is a terminal that can move its cursor; elsewhere a line now and then while the
 * work is long.
 */
export async function openProgress({ quiet }: { quiet: boolean }): Promise<Progress> {
  if (quiet) return { isLive: false, onProgress: undefined, [Symbol.dispose]() {} };
  if (!isatty(2) || process.env.TERM === "dumb") return (await import("./lines.ts")).openLines();
  return (await import("./screen.ts")).openScreen();
}

/** Does the work with its way shown; the screen is done with before anything else is printed. */
export async function withProgress<T>(
  options: { quiet: boolean },
  work: (onProgress: ProgressListener | undefined) => Promise<T>,
): Promise<T> {
  using progress = await openProgress(options);
  return await work(progress.onProgress);
}
