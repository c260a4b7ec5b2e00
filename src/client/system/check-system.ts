import type { Client } from "../open.ts";
import { type ContentCheckOptions, checkBlobs } from "./checks/content.ts";
import { checkLitter, checkMounts, checkTasks } from "./checks/leftovers.ts";
import { checkContainers, checkDatabase, checkImages } from "./checks/records.ts";
import { checkSnapshots } from "./checks/snapshots.ts";
import type { CheckResult, Problem } from "./problem.ts";

export type { CheckResult, Problem } from "./problem.ts";

/**
 * Holds everything that is on disk, mounted or running against the database, in all namespaces. Changes nothing, and
 * may run beside anything else.
 */
export async function checkSystem(client: Client, options: ContentCheckOptions): Promise<CheckResult[]> {
  const database = await checkDatabase(client);
  // In a damaged file nothing else can be looked up.
  if (database.problems.length > 0) return [database];
  const holdings = await (await client.metadata()).holdings();
  return [
    database,
    await checkImages(client),
    await checkBlobs(client, holdings, options),
    await checkSnapshots(client, holdings),
    await checkContainers(client),
    await checkTasks(client),
    await checkMounts(client, holdings),
    await checkLitter(client),
  ];
}

/** Mends what can be; answers what could not, with what came in the way. */
export async function repairSystem(
  results: readonly CheckResult[],
): Promise<{ problem: Problem; error: unknown }[]> {
  const failures: { problem: Problem; error: unknown }[] = [];
  for (const problem of results.flatMap(({ problems }) => problems)) {
    try {
      await problem.mend?.();
    } catch (error) {
      failures.push({ problem, error });
    }
  }
  return failures;
}
