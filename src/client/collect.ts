import type { Collected } from "../core/collector.ts";
import type { Client } from "./open.ts";
import { internalCommand } from "./own-command.ts";

/** Removes what nothing refers to any more, in all namespaces, and says what that was. */
export async function collectGarbage(client: Client, signal?: AbortSignal): Promise<Collected> {
  const { openContentSweeper } = await import("../content/index.ts");
  const { openSnapshotSweepers } = await import("../snapshotters/index.ts");
  const { root } = client;
  return (await client.metadata()).collectGarbage({
    root,
    content: openContentSweeper(root),
    snapshotters: await openSnapshotSweepers(root),
    signal,
  });
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
