import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import type { Container } from "../../core/records.ts";
import type { Exit, Task } from "../../core/task.ts";
import { collectInBackground, wasLastUser } from "../collect.ts";
import { creationLock, exclusively } from "../locks.ts";
import type { Client } from "../open.ts";
import { releaseNetwork } from "./container-network.ts";

/**
 * Removes a stopped container with its task, its place in a network and, unless `keepSnapshot`, its snapshot; what
 * else that frees is collected in the background. What an earlier deletion that was killed has removed already is no
 * error. Throws NotFound, FailedPrecondition while its task lives, Unavailable when that is being created for long.
 */
export async function deleteContainer(
  client: Client,
  id: string,
  options?: { keepSnapshot?: boolean },
): Promise<void> {
  (await client.containers()).get(id);
  // A task that is being created, or restored, would be left without its container.
  await (await client.tasks()).settled(id);
  await removeContainer(client, id, options);
  await releaseNetwork(client, id);
}

/** The same for who sees to the network otherwise. */
export async function removeContainer(
  client: Client,
  id: string,
  { keepSnapshot = false } = {},
): Promise<void> {
  const containers = await client.containers();
  containers.get(id);
  await exclusively(client, creationLock(client, id), async () => {
    const container = containers.get(id);
    // Its supervisor may be removing it at this moment.
    await ifPresent(() => deleteStoppedTask(client, id));
    await removeRecord(client, container, keepSnapshot ? "kept" : "removed");
  });
}

/**
 * Removes a container that has no task any more, or whose task is being removed. Answers the tree that is left for
 * the caller to remove, if any, of a snapshot that is to be `setAside`.
 */
export async function removeRecord(
  client: Client,
  container: Container,
  snapshot: "kept" | "removed" | "setAside",
): Promise<string | undefined> {
  const { id } = container;
  const containers = await client.containers();
  try {
    // The record goes first: without it a snapshot is litter that will be collected, whereas a container without
    // its snapshot would be a broken one, should we be killed in between.
    containers.delete(id);
  } catch (error) {
    // On a full disk not even a deletion can be noted before something is freed.
    if (!hasCode(error, "ResourceExhausted")) throw error;
    if (snapshot !== "kept") await removeSnapshot(client, container);
    containers.delete(id);
  }
  const aside = snapshot === "kept" ? undefined : await removeSnapshot(client, container, snapshot);
  if (snapshot === "kept" || (await wasLastUser(client, container))) collectInBackground(client);
  return aside;
}

/** Its absence is no failure. */
async function removeSnapshot(
  client: Client,
  { snapshotKey, snapshotter: name }: Container,
  how: "removed" | "setAside" = "removed",
): Promise<string | undefined> {
  if (snapshotKey === "") return undefined;
  const snapshotter = await client.snapshotter(name);
  return ifPresent(async () => {
    if (how === "setAside" && snapshotter.setAside) return snapshotter.setAside(snapshotKey);
    await snapshotter.remove(snapshotKey);
  });
}

/** Removes a task that has ended, or with `force` any, and takes it out of its network. Throws as `Task.delete`. */
export async function deleteTask(client: Client, task: Task, options?: { force?: boolean }): Promise<Exit> {
  const exit = await task.delete(options);
  await releaseNetwork(client, task.id);
  return exit;
}

async function deleteStoppedTask(client: Client, id: string): Promise<void> {
  const task = await findTask(client, id);
  const status = await task?.status();
  if (status === "running" || status === "paused" || status === "pausing") {
    throw new CtrError("FailedPrecondition", `cannot delete a non stopped container: {${status}}`, {
      hint: `end its task first: ctr tasks kill -s KILL ${id}`,
    });
  }
  if (status === "created") {
    throw new CtrError("FailedPrecondition", "task must be stopped before deletion: created", {
      hint: `delete it first: ctr tasks delete --force ${id}`,
    });
  }
  await task?.delete();
}

/** Undefined when the container has none. */
export async function findTask(client: Client, id: string): Promise<Task | undefined> {
  const tasks = await client.tasks();
  return ifPresent(() => tasks.get(id));
}
