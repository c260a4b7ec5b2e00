import type { Collected } from "../core/collector.ts";
import { ifPresent } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import { createLimiter } from "../core/limiter.ts";
import type { Container } from "../core/records.ts";
import type { Client } from "./open.ts";
import { internalCommand } from "./own-command.ts";

/** Younger than this, what looks abandoned may be what somebody is just making. */
const LEFTOVER_AGE_MS = 60_000;
/** A power cut may leave hundreds of containers' networks, each of which takes programs to leave. */
const CONCURRENT_REMOVALS = 8;

/** Removes what nothing refers to any more, in all namespaces, and says what that was. */
export async function collectGarbage(client: Client, signal?: AbortSignal): Promise<Collected> {
  const collected = await (await client.metadata()).collectGarbage(await sweepersOf(client, signal));
  await removeOldLeftovers(client);
  return collected;
}

/** Everything that knows what is on disk, and whose work is over. */
export async function sweepersOf(client: Client, signal?: AbortSignal) {
  const { root, configFile } = client;
  const { openContentSweeper } = await import("../content/index.ts");
  const { openSnapshotSweepers } = await import("../snapshotters/index.ts");
  const { leasesToEnd } = await import("./lease.ts");
  const snapshotters = await openSnapshotSweepers(root, configFile);
  const abandonedLeases = await leasesToEnd(client);
  return { root, content: openContentSweeper(root), snapshotters, abandonedLeases, signal };
}

/** One that resists is no failure of who freed something else: `system check` tells. */
async function removeOldLeftovers(client: Client): Promise<void> {
  const { findLeftovers } = await import("./leftovers.ts");
  const leftovers = await findLeftovers(client, LEFTOVER_AGE_MS);
  const limit = createLimiter(CONCURRENT_REMOVALS);
  await Promise.allSettled(leftovers.map(({ remove }) => limit(remove)));
}

/** The same in a process of its own that outlives this one: whoever freed something need not wait. */
export function collectInBackground(client: Client): void {
  const collector = Bun.spawn(internalCommand(client, "_collect"), {
    stdio: ["ignore", "ignore", "ignore"],
    cwd: "/",
    detached: true,
  });
  collector.unref();
}

/**
 * What the process in the background does: any number may be started at once, of which one works and one waits. What
 * the others came for was freed before the one that waits begins.
 */
export async function collectInTurn(client: Client, signal?: AbortSignal): Promise<void> {
  const { exclusively, openLockNow } = await import("./locks.ts");
  const turn = await openLockNow(client, "collect-next");
  if (!turn) return;
  await exclusively(client, "collect", async () => {
    turn.remove();
    await collectGarbage(client, signal);
  });
}

/**
 * Whether removing the container may have freed more than its own snapshot: its image holds the layers below, unless
 * it was removed or replaced since.
 */
export async function wasLastUser(
  client: Client,
  { image: name, snapshotKey, createdAt }: Pick<Container, "image" | "snapshotKey" | "createdAt">,
): Promise<boolean> {
  if (snapshotKey === "") return false;
  const images = await client.images();
  const image = ifPresent(() => images.get(name));
  return image === undefined || image.updatedAt > createdAt;
}

/** Whether changing these labels changes what is kept. */
export function concernsCollector(labels: Labels): boolean {
  return Object.keys(labels).some((label) => label.startsWith(labelNames.gcPrefix));
}
