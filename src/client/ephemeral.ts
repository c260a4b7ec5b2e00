import { hasCode } from "../core/errors.ts";
import type { TypedValue } from "../core/records.ts";
import type { LockFile } from "../files/lock-file.ts";
import { deleteContainer, findTask } from "./delete-container.ts";
import { claimOwnership } from "./locks.ts";
import type { Client } from "./open.ts";

const EXTENSION = "ctr.run.ephemeral";

/** Marks the container of a `run --rm`: whoever finds it without its owner may remove it. */
export const EPHEMERAL: Readonly<Record<string, TypedValue>> = { [EXTENSION]: { typeUrl: EXTENSION } };

/** Of an ephemeral container; held by the client of `run --rm` as long as it lives. */
export type Ownership = LockFile;

/** How long a container whose owner was killed gets to end by itself. */
const PATIENCE_MS = 1000;

/**
 * Removes a container of `run --rm` whose owner has died. False, and nothing is touched, when it has an owner, is not
 * ephemeral, or is still running.
 */
export async function removeAbandoned(client: Client, id: string, ownership?: Ownership): Promise<boolean> {
  const container = (await client.containers()).get(id);
  if (!(EXTENSION in container.extensions)) return false;
  const claim = ownership ?? (await claimOwnership(client, id));
  if (!claim) return false;
  try {
    if (await isStillRunning(client, id)) return false;
    await removeEphemeral(client, id);
    return true;
  } finally {
    if (!ownership) claim.remove();
  }
}

/** A task that was created but never started will not be: its client is gone. */
export async function removeEphemeral(client: Client, id: string): Promise<void> {
  await (await findTask(client, id))?.delete({ force: true });
  try {
    await deleteContainer(client, id);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
  }
}

async function isStillRunning(client: Client, id: string): Promise<boolean> {
  const task = await findTask(client, id);
  if ((await task?.status()) !== "running") return false;
  const ended = await Promise.race([
    task!.wait().then(() => true),
    new Promise<false>((resolve) => setTimeout(resolve, PATIENCE_MS, false)),
  ]);
  return !ended;
}
