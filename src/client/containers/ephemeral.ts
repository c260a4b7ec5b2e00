import { CtrError, ifPresent } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import type { Container, TypedValue } from "../../core/records.ts";
import type { TaskStatus } from "../../core/task.ts";
import type { LockFile } from "../../files/lock-file.ts";
import { claimOwnership, isOwned } from "../locks.ts";
import type { Client } from "../open.ts";
import { findTask, removeContainer } from "./delete-container.ts";

const EXTENSION = "ctr.run.ephemeral";

/** Marks the container of a `run --rm`: whoever finds it without its owner may remove it. */
export const EPHEMERAL: Readonly<Record<string, TypedValue>> = { [EXTENSION]: { typeUrl: EXTENSION } };

/** Of an ephemeral container; held by the client of `run --rm` as long as it lives. */
export type Ownership = LockFile;

/** How long a container whose owner was killed gets to end by itself, and whoever is removing it to finish. */
const PATIENCE_MS = 2000;

/** Makes the caller the owner of an ephemeral container of that name, existing or to come. Throws AlreadyExists. */
export async function own(client: Client, id: string): Promise<Ownership> {
  const isInUse = (await findStatus(client, id)) === "running";
  const ownership = await claimOwnership(client, id, isInUse ? 0 : PATIENCE_MS);
  if (ownership) return ownership;
  throw new CtrError("AlreadyExists", `container ${JSON.stringify(id)}`);
}

/**
 * Removes a container of `run --rm` whose owner has died. False, and nothing is touched, when it has an owner, is not
 * ephemeral, or is still running.
 */
export async function removeAbandoned(client: Client, id: string, ownership?: Ownership): Promise<boolean> {
  const container = await findContainer(client, id);
  if (!container) return removeOrphan(client, id);
  if (!isEphemeral(container)) return false;
  const claim = ownership ?? (await claimOwnership(client, id, 0));
  if (!claim) return false;
  try {
    if (await isStillRunning(client, id)) return false;
    await removeWithTask(client, id);
    return true;
  } finally {
    if (!ownership) claim.remove();
  }
}

/** A task whose container is gone: whoever was removing both was killed in between. False while it runs. */
async function removeOrphan(client: Client, id: string): Promise<boolean> {
  if ((await findStatus(client, id)) !== "stopped") return false;
  await ifPresent(async () => (await findTask(client, id))?.delete());
  return true;
}

/** Whether `removeAbandoned` would remove it, as far as can be told without waiting for a task's end. */
export async function isAbandoned(client: Client, id: string): Promise<boolean> {
  const container = await findContainer(client, id);
  if (!container || !isEphemeral(container) || (await isOwned(client, id))) return false;
  return (await findStatus(client, id)) !== "running";
}

/** Removes a container and its task, whatever that is doing. Who ran it, or the supervisor, sees to its network. */
export async function removeWithTask(client: Client, id: string): Promise<void> {
  // Each may be going by itself: the supervisor removes a task whose client is waiting for its end.
  await ifPresent(async () => (await findTask(client, id))?.delete({ force: true }));
  await ifPresent(() => removeContainer(client, id));
}

/**
 * Of a filesystem that nobody will see again: the kernel syncs nothing for it, not even when it is unmounted, which
 * would sync the whole disk. Kernel, overlayfs.rst: a volatile one cannot be mounted a second time.
 */
export function withoutSync(mounts: readonly Mount[]): Mount[] {
  const isWritableOverlay = ({ type, options }: Mount) =>
    type === "overlay" && options.some((option) => option.startsWith("upperdir="));
  return mounts.map((mount) =>
    isWritableOverlay(mount) ? { ...mount, options: [...mount.options, "volatile"] } : mount,
  );
}

const isEphemeral = ({ extensions }: Container): boolean => EXTENSION in extensions;

async function findContainer(client: Client, id: string): Promise<Container | undefined> {
  const containers = await client.containers();
  return ifPresent(() => containers.get(id));
}

async function isStillRunning(client: Client, id: string): Promise<boolean> {
  // Its supervisor may still be creating what the client that died had asked for.
  await (await client.tasks()).settled(id);
  if ((await findStatus(client, id)) !== "running") return false;
  const task = await findTask(client, id);
  const ended = await Promise.race([
    ifPresent(async () => task?.wait()).then(() => true),
    new Promise<false>((resolve) => setTimeout(resolve, PATIENCE_MS, false)),
  ]);
  return !ended;
}

/** Undefined without a task; it may be going while it is looked at. */
async function findStatus(client: Client, id: string): Promise<TaskStatus | undefined> {
  return ifPresent(async () => (await findTask(client, id))?.status());
}
