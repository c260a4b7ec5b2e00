import type { Collected, CollectionPlan } from "../../core/collector.ts";
import { sweepersOf } from "../collect.ts";
import { leasesToEnd } from "../lease.ts";
import { findLeftovers, type Leftover } from "../leftovers.ts";
import type { Client } from "../open.ts";

/** What somebody began a moment ago may look abandoned until it is locked. */
const SETTLED_MS = 1000;
const SETTLING: readonly Leftover["kind"][] = ["task", "network", "log", "mountpoint"];

export interface PrunePlan extends CollectionPlan {
  leftovers: Leftover[];
}

export interface Pruned {
  collected: Collected;
  leftovers: Leftover[];
  /** What of the leftovers could not be removed, and why. */
  failures: { leftover: Leftover; error: unknown }[];
}

/** Everything that nothing needs, in all namespaces, as it is now. */
export async function planPrune(client: Client): Promise<PrunePlan> {
  const plan = await (await client.metadata()).planCollection(await thoroughSweepers(client));
  return { ...plan, leftovers: await settledLeftovers(client) };
}

/** Removes everything that nothing needs, in all namespaces. */
export async function prune(client: Client, signal?: AbortSignal): Promise<Pruned> {
  const leftovers = await settledLeftovers(client);
  const failures: Pruned["failures"] = [];
  for (const leftover of leftovers) {
    try {
      await leftover.remove();
    } catch (error) {
      failures.push({ leftover, error });
    }
  }
  const collected = await (await client.metadata()).collectGarbage(await thoroughSweepers(client, signal));
  return { collected, leftovers, failures };
}

/** What was kept for the next try of a pull that was killed goes as well. */
async function thoroughSweepers(client: Client, signal?: AbortSignal) {
  const abandonedLeases = await leasesToEnd(client, { isForGood: true });
  return { ...(await sweepersOf(client, signal)), abandonedLeases };
}

/** Leaves nothing out for its youth: looks again when it is old enough. */
export async function settledLeftovers(client: Client): Promise<Leftover[]> {
  const young = await findLeftovers(client, 0);
  if (young.length === 0) return [];
  if (young.some(({ kind }) => SETTLING.includes(kind))) await Bun.sleep(SETTLED_MS);
  return findLeftovers(client, SETTLED_MS);
}
