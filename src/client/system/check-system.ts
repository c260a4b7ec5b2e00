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

/** What one repair uncovers is for the next: the log of a task that had to be removed first. */
const MAX_ROUNDS = 3;

export interface Repair {
  /** As it is now. */
  results: CheckResult[];
  repaired: Problem[];
  /** Mends that failed the last time they were tried. */
  failures: { problem: Problem; error: unknown }[];
}

/** Mends what can be of what a check found, and checks again. */
export async function repairSystem(
  client: Client,
  found: readonly CheckResult[],
  options: ContentCheckOptions,
): Promise<Repair> {
  const seen = new Map<string, Problem>();
  let results = [...found];
  let failures: Repair["failures"] = [];
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const mendable = results.flatMap(({ problems }) => problems).filter(({ mend }) => mend);
    if (mendable.length === 0) break;
    for (const problem of mendable) seen.set(keyOf(problem), problem);
    failures = await mendAll(mendable);
    results = await checkSystem(client, options);
  }
  for (const problem of results.flatMap(({ problems }) => problems)) seen.delete(keyOf(problem));
  return { results, repaired: [...seen.values()], failures };
}

const keyOf = ({ kind, namespace = "", name }: Problem): string => [kind, namespace, name].join(" ");

async function mendAll(problems: readonly Problem[]): Promise<Repair["failures"]> {
  const failures: Repair["failures"] = [];
  for (const problem of problems) {
    try {
      await problem.mend?.();
    } catch (error) {
      failures.push({ problem, error });
    }
  }
  return failures;
}
