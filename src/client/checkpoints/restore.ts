import { readdirSync } from "node:fs";
import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { validateIdentifier } from "../../core/identifier.ts";
import { mediaTypes } from "../../core/media-type.ts";
import type { Mount } from "../../core/mount.ts";
import type { Container } from "../../core/records.ts";
import type { Spec } from "../../core/runtime-spec.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import type { Exit, ProcessIo, RunTask } from "../../core/task.ts";
import { containerLabels } from "../../oci/container-labels.ts";
import { withMountLabel } from "../../oci/selinux.ts";
import { type NetworkOptions, taskNetwork, WANTS_NETWORK } from "../containers/container-network.ts";
import {
  baseOf,
  type CreatedContainer,
  prepareSnapshot,
  refuseTaken,
} from "../containers/create-container.ts";
import { removeAbandoned, removeWithTask } from "../containers/ephemeral.ts";
import { inNetwork, taskOf } from "../containers/run.ts";
import { runtimeOptionsOf } from "../containers/runtime.ts";
import { findImage } from "../images/images.ts";
import { ensureUnpacked } from "../images/unpack.ts";
import { withLease } from "../lease.ts";
import { creationLock, exclusively, sparedFromCollection } from "../locks.ts";
import type { Client } from "../open.ts";
import { withWorkspace } from "../workspace.ts";
import { type OpenCheckpoint, openCheckpoint } from "./checkpoint-image.ts";

export interface RestoreOptions extends NetworkOptions {
  /** With what the container had changed of its image's files. */
  rw?: boolean;
  /** With its processes, which go on from where they were: whoever made the checkpoint decides what they may do. */
  live?: boolean;
  /**
   * In this host's default network, now and at each start to come. No checkpoint can ask for it: plugins do as they are
   * told by configurations that are nobody's but the host's.
   */
  cni?: boolean;
  /** Is told of a container that was in a network and will be in none. */
  onNetworkMissed?: () => void;
}

/**
 * Makes a container of a checkpoint, and starts it: a task that goes on by itself, or with `live` its processes as
 * they were; these find their new network when they go on. One with a terminal has the caller's, and is waited for. A
 * failure leaves nothing. Throws NotFound for the image, AlreadyExists for the container, and as `openCheckpoint`.
 */
export async function restore(
  client: Client,
  id: string,
  ref: string,
  options: RestoreOptions,
): Promise<Exit | undefined> {
  validateIdentifier(id);
  await removeAbandoned(client, id);
  const image = await findImage(client, ref);
  const checkpoint = await openCheckpoint(client, image);
  runtimeOptionsOf(checkpoint.runtime);
  const { rw = false, live = false, cni = false } = options;
  const layer = rw ? required(checkpoint.layer, image.name, "rw layer", "--rw") : undefined;
  const memory = live ? required(checkpoint.memory, image.name, "memory", "--task") : undefined;
  const network = cni ? await taskNetwork(client, id, options) : undefined;
  const extensions = cni ? WANTS_NETWORK : {};
  const { container, mounts } = await makeContainer(client, id, checkpoint, { layer, extensions });
  if (checkpoint.hadNetwork && !cni) options.onNetworkMissed?.();
  const terminal = checkpoint.spec.process?.terminal ?? false;
  const io: ProcessIo = terminal ? { kind: "attached" } : { kind: "log" };
  const request = { ...taskOf(container, mounts, { io }), ...(network && inNetwork(network)) };
  try {
    const started = await startFrom(client, request, memory);
    return await started?.ended;
  } catch (error) {
    await removeWithTask(client, id);
    throw error;
  }
}

function required(part: Descriptor | undefined, name: string, what: string, flag: string): Descriptor {
  if (part) return part;
  throw new CtrError("NotFound", `${what} in checkpoint ${JSON.stringify(name)}`, {
    hint: `it was made without ${flag}`,
  });
}

async function makeContainer(
  client: Client,
  id: string,
  checkpoint: OpenCheckpoint,
  { layer, extensions }: { layer: Descriptor | undefined } & Pick<Container, "extensions">,
): Promise<CreatedContainer> {
  const { image, base, runtime } = checkpoint;
  const snapshotter = await openSnapshotter(client, checkpoint.snapshotter);
  const parent = await ensureUnpacked(client, base, { snapshotter: snapshotter.name });
  return exclusively(client, creationLock(client, id), () =>
    withLease(client, async (lease) => {
      await refuseTaken(client, id);
      lease.protect({ type: `snapshots/${snapshotter.name}`, id });
      const mounts = await sparedFromCollection(client, async () => {
        const mapped = await baseOf(client, checkpoint.spec.linux ?? {}, { parent, snapshotter });
        return prepareSnapshot(snapshotter, id, mapped.parent, mapped.labels);
      });
      try {
        const labelledMounts = withMountLabel(mounts, checkpoint.spec);
        if (layer) await (await client.differ()).apply(layer, mounts);
        const container = (await client.containers()).create({
          id,
          image,
          labels: containerLabels({ image: {}, config: base.config.config, given: {} }),
          runtime,
          spec: ownSpec(checkpoint.spec, client.namespace, id),
          snapshotKey: id,
          snapshotter: snapshotter.name,
          extensions,
        });
        return { container, mounts: labelledMounts };
      } catch (error) {
        await snapshotter.remove(id).catch(() => {});
        throw error;
      }
    }),
  );
}

/** Layers are the same everywhere: one that this host does not have is replaced by the usual one. */
async function openSnapshotter(client: Client, name: string | undefined): Promise<Snapshotter> {
  try {
    return await client.snapshotter(name);
  } catch (error) {
    if (!hasCode(error, "InvalidArgument", "FailedPrecondition", "NotImplemented")) throw error;
    return client.snapshotter();
  }
}

/** Where it lives is ours to say. */
function ownSpec(spec: Spec, namespace: string, id: string): Spec {
  return {
    ...spec,
    root: { ...(spec.root?.readonly && { readonly: true }), path: "rootfs" },
    linux: { ...spec.linux, cgroupsPath: `/${namespace}/${id}` },
  };
}

async function startFrom(client: Client, request: RunTask, memory: Descriptor | undefined) {
  const tasks = await client.tasks();
  const start = async (from: RunTask): Promise<{ ended: Promise<Exit> } | undefined> => {
    if (from.io.kind === "attached") return tasks.run(from.id, from);
    await tasks.start(from.id, from);
    return undefined;
  };
  if (memory === undefined) return start(request);
  return withWorkspace(client, async (checkpointDir) => {
    await unpackMemory(client, memory, checkpointDir);
    return start({ ...request, checkpointDir });
  });
}

/**
 * criu and the runtime open these files by name, as root: a link among them would lead them to the host's
 * (CVE-2026-53489).
 */
async function unpackMemory(client: Client, memory: Descriptor, directory: string): Promise<void> {
  const onto: Mount[] = [{ type: "bind", source: directory, options: [] }];
  await (await client.differ()).apply({ ...memory, mediaType: mediaTypes.ociLayer }, onto);
  const odd = readdirSync(directory, { withFileTypes: true }).find((entry) => !entry.isFile());
  if (odd === undefined) return;
  throw new CtrError(
    "InvalidArgument",
    `${JSON.stringify(odd.name)} in checkpoint ${memory.digest} is no file`,
  );
}
