import { constants } from "node:os";
import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, ifPresent, withSubject } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import type { Container } from "../../core/records.ts";
import type { Task } from "../../core/task.ts";
import { collectInBackground } from "../collect.ts";
import { findTask } from "../containers/delete-container.ts";
import { withLease } from "../lease.ts";
import { exclusively } from "../locks.ts";
import type { Client } from "../open.ts";
import { CheckpointParts, checkpointAnnotations } from "./checkpoint-parts.ts";

export interface ContainerCheckpoint {
  /** The image it was made from. */
  image?: boolean;
  /** What it changed of that. */
  rw?: boolean;
  /** Its processes. */
  task?: boolean;
}

/**
 * Records a checkpoint of a container under a name, as an image that can be pushed, pulled and restored. A running task
 * stands still meanwhile. Throws AlreadyExists for the name, NotFound, and what `Task.checkpoint` throws; then nothing
 * is left.
 */
export async function checkpointContainer(
  client: Client,
  id: string,
  ref: string,
  { image, rw, task: withTask }: ContainerCheckpoint,
): Promise<void> {
  const container = (await client.containers()).get(id);
  if (container.image === "") {
    throw new CtrError("FailedPrecondition", `container ${JSON.stringify(id)} was not made from an image`);
  }
  await refuseTaken(client, ref);
  const task = withTask ? await requireTask(client, id) : await findTask(client, id);
  const make = () =>
    recordCheckpoint(client, container, { name: ref, labels: {} }, async (parts) => {
      await parts.addRuntimeOptions();
      if (image) await parts.addImage();
      if (rw) await parts.addLayer();
      if (withTask) await parts.addMemory(task!);
      await parts.addConfig();
      if (withTask) await parts.addOptions();
      return parts.writeIndex();
    });
  await byTurns(client, id, async () => {
    const isRunning = (await task?.status()) === "running";
    await (withTask || isRunning ? task!.pausedDuring(make) : make());
  });
}

/** Whoever is done first would let the task go on under the other's eyes. */
const byTurns = <T>(client: Client, id: string, work: () => Promise<T>): Promise<T> =>
  exclusively(client, `checkpoint-${client.namespace}--${id}`, work);

export interface TaskCheckpoint {
  /** Ends the task, once all that is wanted of it is safe. */
  exit?: boolean;
  /** Takes criu's images in place of an image. */
  imagePath?: string;
  /** Takes criu's log. */
  workPath?: string;
}

/** As `checkpointContainer` with everything, under a name made of the time; answers it, unless there is an image path. */
export async function checkpointTask(
  client: Client,
  task: Task,
  { exit = false, imagePath, workPath }: TaskCheckpoint,
): Promise<string | undefined> {
  const make = async () => {
    const name = imagePath
      ? await task.checkpoint({ imageDir: imagePath, workDir: workPath })
      : await recordTask(client, task, workPath);
    if (exit) await end(task);
    return name ?? undefined;
  };
  return byTurns(client, task.id, () => task.pausedDuring(make));
}

async function recordTask(client: Client, task: Task, workDir: string | undefined): Promise<string> {
  const container = (await client.containers()).get(task.id);
  const name = `containerd.io/checkpoint/${task.id}:${formatMoment(new Date())}`;
  await recordCheckpoint(
    client,
    container,
    { name, labels: { [labelNames.checkpoint]: "true" } },
    async (parts) => {
      await parts.addMemory(task, workDir);
      await parts.addConfig();
      if (container.image) await parts.addImage();
      if (container.snapshotKey) await parts.addLayer();
      // The real one says this alone, and cannot restore such a checkpoint as a container.
      return parts.writeIndex({ [checkpointAnnotations.taskImage]: container.image });
    },
  );
  return name;
}

/** `MM-DD-YYYY-HH:MM:SS` of the local time, as containerd names checkpoints. */
function formatMoment(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(time.getMonth() + 1)}-${two(time.getDate())}-${time.getFullYear()}`;
  return `${day}-${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}

async function requireTask(client: Client, id: string): Promise<Task> {
  try {
    return await (await client.tasks()).get(id);
  } catch (error) {
    throw withSubject("no running task found", error);
  }
}

async function end(task: Task): Promise<void> {
  const ended = task.wait();
  ended.catch(() => {});
  await task.kill(constants.signals.SIGKILL);
  // Whoever is attached to it deletes it.
  await ifPresent(() => ended);
}

/** The name is the last thing made: until then nothing refers to what a killed process leaves, and it is collected. */
async function recordCheckpoint(
  client: Client,
  container: Container,
  { name, labels }: { name: string; labels: Labels },
  gather: (parts: CheckpointParts) => Promise<Descriptor>,
): Promise<void> {
  try {
    await withLease(client, async (lease) => {
      const target = await gather(new CheckpointParts(client, container, lease));
      (await client.images()).create({ name, target, labels });
    });
  } catch (error) {
    collectInBackground(client);
    throw error;
  }
}

async function refuseTaken(client: Client, name: string): Promise<void> {
  const images = await client.images();
  if (ifPresent(() => images.get(name))) {
    throw new CtrError("AlreadyExists", `image ${JSON.stringify(name)}`);
  }
}
