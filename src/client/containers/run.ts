import { ifPresent, withHint } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import type { Container } from "../../core/records.ts";
import type { Spec } from "../../core/runtime-spec.ts";
import type {
  Attachment,
  CreateTask,
  Exit,
  Prelaunch,
  ProcessIo,
  RunTask,
  RuntimeOptions,
  Task,
} from "../../core/task.ts";
import { withMountLabel } from "../../oci/selinux.ts";
import { holdSignals } from "../../sys/held-signals.ts";
import type { Client } from "../open.ts";
import { internalCommand } from "../own-command.ts";
import { type NetworkOptions, type TaskNetwork, taskNetwork, wantsNetwork } from "./container-network.ts";
import { makeContainer, type NewContainer } from "./create-container.ts";
import { removeRecord } from "./delete-container.ts";
import { own, removeAbandoned, removeWithTask, withoutSync } from "./ephemeral.ts";
import { DEFAULT_RUNTIME, runtimeOptionsOf } from "./runtime.ts";

export interface TaskOptions extends NetworkOptions {
  io: ProcessIo;
  noPivot?: boolean;
  pidFile?: string;
}

export interface RunOptions extends Omit<NewContainer, "ownership">, TaskOptions {}

/** Creates a container and runs it with the caller's streams; task and streams are gone when this answers. */
export async function run(client: Client, options: RunOptions): Promise<Exit> {
  return (await begin(client, options)).ended;
}

/**
 * As `run`, and removes the container however it ends. Should this process be killed meanwhile, the task's
 * supervisor has it removed.
 */
export async function runEphemeral(client: Client, options: RunOptions): Promise<Exit> {
  const { id } = options;
  // Whatever a power cut makes of a record that goes with its process, nobody looks for it.
  using _ = (await client.metadata()).deferDurability();
  const ownership = await own(client, id);
  try {
    const attachment = await begin(client, { ...options, ownership });
    try {
      // With it all is removed, and the id may be another's.
      return await attachment.ended;
    } catch (error) {
      await removeWithTask(client, id);
      throw error;
    }
  } finally {
    ownership.remove();
  }
}

/** A signal that ends programs ends the unpacking of the image; one that comes later is kept for the container. */
async function begin(
  client: Client,
  options: RunOptions & Pick<NewContainer, "ownership">,
): Promise<Attachment> {
  const tasks = await client.tasks();
  using signals = holdSignals();
  const ending = [options.signal, signals.interruption()].filter((signal) => signal !== undefined);
  return await inNewContainer(client, { ...options, signal: AbortSignal.any(ending) }, (request) =>
    tasks.run(options.id, request, prelaunchOf(client, options)),
  );
}

/** As `run`, without waiting: the task is started and goes on by itself. */
export async function runDetached(client: Client, options: RunOptions): Promise<Task> {
  const tasks = await client.tasks();
  return inNewContainer(client, options, (request) => tasks.start(options.id, request));
}

/** The task may be begun while its container is still being made. A failure to start leaves neither. */
async function inNewContainer<T>(
  client: Client,
  options: NewContainer & TaskOptions,
  start: (request: Promise<RunTask>) => Promise<T>,
): Promise<T> {
  await removeAbandoned(client, options.id, options.ownership);
  const request = createForTask(client, options);
  try {
    return await start(request);
  } catch (error) {
    const made = await request.catch(() => undefined);
    if (!made) throw error;
    await removeWithTask(client, options.id);
    if (!hasCommand(made)) throw withHint(error, "it has no command: give one after the container's id");
    throw error;
  }
}

const hasCommand = ({ spec }: RunTask): boolean => !!(spec as Spec).process?.args?.length;

/** Undefined where the spec has a say in how the runtime is called, or something is to be done before the start. */
function prelaunchOf(
  client: Client,
  options: RunOptions & Pick<NewContainer, "ownership">,
): Prelaunch | undefined {
  const { source, spec, io, noPivot, pidFile, cni, runtime = { name: DEFAULT_RUNTIME } } = options;
  if (source.kind === "file" || spec.tty || spec.selinuxLabels?.process || pidFile || cni) return undefined;
  if (io.kind !== "attached" || io.fifoDir) return undefined;
  const whenAbandoned = options.ownership && reaping(client, options.id);
  return { streams: io.streams, runtime: callOptions(runtime, noPivot), whenAbandoned };
}

const reaping = (client: Client, id: string): string[] => internalCommand(client, "_reap", id);

async function createForTask(client: Client, options: NewContainer & TaskOptions): Promise<RunTask> {
  const { id, ownership, runtime } = options;
  if (runtime) runtimeOptionsOf(runtime);
  const network = options.cni ? await taskNetwork(client, id, options) : undefined;
  const { container, mounts } = await makeContainer(client, options);
  if (!ownership) return { ...taskOf(container, mounts, options), ...(network && inNetwork(network)) };
  return {
    ...taskOf(container, withoutSync(mounts), options),
    ...(network && inNetwork(network)),
    whenAbandoned: reaping(client, id),
    besideRemoval: async () => {
      const removed = ifPresent(() => removeRecord(client, container, "setAside"));
      const [tree] = await Promise.all([removed, network?.leave()]);
      return tree === undefined ? [] : [tree];
    },
  };
}

export const inNetwork = ({ beforeStart, whenAbandoned, leave }: TaskNetwork) => ({
  beforeStart,
  whenAbandoned,
  besideRemoval: async () => {
    await leave();
    return [];
  },
});

/** Starts a container that exists, without waiting. Throws NotFound for the container, AlreadyExists for the task. */
export async function startDetached(client: Client, id: string, options: TaskOptions): Promise<Task> {
  return (await client.tasks()).start(id, existingTask(client, id, options));
}

/** Starts a container that exists with the caller's streams, as `run` does. */
export async function startAttached(client: Client, id: string, options: TaskOptions): Promise<Exit> {
  const attachment = await (await client.tasks()).run(id, existingTask(client, id, options));
  return attachment.ended;
}

async function existingTask(client: Client, id: string, options: TaskOptions): Promise<RunTask> {
  const container = (await client.containers()).get(id);
  const { snapshotKey, snapshotter } = container;
  const snapshotMounts = snapshotKey ? await (await client.snapshotter(snapshotter)).mounts(snapshotKey) : [];
  const mounts = withMountLabel(snapshotMounts, container.spec as Spec);
  const network = wantsNetwork(container) ? await taskNetwork(client, id, options) : undefined;
  return { ...taskOf(container, mounts, options), ...(network && inNetwork(network)) };
}

export function taskOf({ id, spec, runtime }: Container, mounts: Mount[], options: TaskOptions): CreateTask {
  const { io, noPivot, pidFile } = options;
  return { id, spec, mounts, io, pidFile, runtime: callOptions(runtime, noPivot) };
}

function callOptions(runtime: Container["runtime"], noPivot: boolean | undefined): RuntimeOptions {
  const recorded = runtimeOptionsOf(runtime);
  return { ...recorded, noPivot: noPivot || recorded.noPivot };
}
