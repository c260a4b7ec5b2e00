import { reportLine } from "./failure.ts";
import { writeError } from "./output.ts";

/**
 * Does the work for each name in turn. One that fails is told on standard error and does not stop the others; the
 * first failure is thrown in the end.
 */
export async function forEachName(
  names: readonly string[],
  work: (name: string) => void | Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      await work(name);
    } catch (error) {
      failures.push(error);
      if (names.length > 1) writeError(`ctr: error: ${reportLine(error)}\n`);
    }
  }
  if (failures.length > 0) throw failures[0];
}
