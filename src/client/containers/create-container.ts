import { writeFile } from "node:fs/promises";
import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import { validateIdentifier } from "../../core/identifier.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import type { Platform } from "../../core/platform.ts";
import { randomHex } from "../../core/random.ts";
import type { Container, TypedValue } from "../../core/records.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import { committedState } from "../../images/committed-state.ts";
import { buildSpec } from "../../oci/build-spec.ts";
import { containerLabels } from "../../oci/container-labels.ts";
import { withMountLabel } from "../../oci/selinux.ts";
import type { SpecInput } from "../../oci/spec-input.ts";
import { asSysError } from "../../sys/errno.ts";
import { findImage, openImage } from "../images/images.ts";
import { ensureUnpacked, type UnpackOptions } from "../images/unpack.ts";
import { creationLock, exclusively, sparedFromCollection } from "../locks.ts";
import type { Client } from "../open.ts";
import type { MappedBase, OwnerMappings } from "../snapshots/remap-snapshot.ts";
import { withRootfs } from "../snapshots/rootfs-view.ts";
import { WANTS_NETWORK } from "./container-network.ts";
import { EPHEMERAL, type Ownership, removeAbandoned } from "./ephemeral.ts";
import { DEFAULT_RUNTIME } from "./runtime.ts";

export type ContainerSource =
  | { kind: "image"; name: string; platform?: Platform }
  | { kind: "directory"; path: string }
  | { kind: "file"; path: string };

export interface NewContainer extends UnpackOptions {
  id: string;
  source: ContainerSource;
  spec: Omit<SpecInput, "namespace" | "id" | "source" | "labels">;
  labels?: Labels;
  snapshotterLabels?: Labels;
  /** Refuses to map the owners of the image's files for `spec.uidMappings` by a copy of it. */
  remapLabels?: boolean;
  runtime?: { name: string; options?: TypedValue };
  /** File to write the spec to, before anything is recorded. */
  dumpSpec?: string;
  /** Its tasks are in the default network of CNI. */
  cni?: boolean;
  /** Makes the container ephemeral, of a `run --rm`: it is removed by its owner, or when that has died. */
  ownership?: Ownership;
}

export interface CreatedContainer {
  container: Container;
  /** Of its snapshot, under the container's SELinux label; empty without one. */
  mounts: Mount[];
}

/** A free, pronounceable-enough name for who gave none. */
export const generateId = (): string => `c${randomHex(6)}`;

/**
 * Makes the snapshot, the spec and the record. A failure, or a kill, leaves nothing that stands in the way of the
 * next try. Throws AlreadyExists, NotFound for the image, InvalidArgument.
 */
export async function createContainer(client: Client, request: NewContainer): Promise<CreatedContainer> {
  await removeAbandoned(client, request.id);
  return makeContainer(client, request);
}

/** As `createContainer`, for who has seen to it that no abandoned container is in the way. */
export async function makeContainer(client: Client, request: NewContainer): Promise<CreatedContainer> {
  validateIdentifier(request.id);
  const fromImage =
    request.source.kind === "image" ? await openSource(client, request, request.source) : undefined;
  try {
    return await exclusively(client, creationLock(client, request.id), () =>
      sparedFromCollection(client, async () => {
        await refuseTaken(client, request.id);
        return fromImage ? createFromImage(client, request, fromImage) : createFromHost(client, request);
      }),
    );
  } catch (error) {
    if (!fromImage || !hasCode(error, "NotFound") || !(await isGone(fromImage))) throw error;
    // Somebody has deleted the image since it was opened; by now there may be another of that name.
    return makeContainer(client, request);
  }
}

async function isGone({ snapshotter, parent }: OpenedSource): Promise<boolean> {
  return parent !== "" && (await committedState(snapshotter, parent)) === "absent";
}

type OpenedSource = Awaited<ReturnType<typeof openSource>>;

async function openSource(
  client: Client,
  request: NewContainer,
  { name, platform }: { name: string; platform?: Platform },
) {
  const image = await findImage(client, name);
  try {
    const local = await openImage(client, image, platform);
    const parent = await ensureUnpacked(client, local, request);
    const snapshotter = await client.snapshotter(request.snapshotter);
    return { image, config: local.config.config, parent, snapshotter };
  } catch (error) {
    // What is missing may be so because the image was deleted meanwhile: that is the thing to say.
    if (hasCode(error, "NotFound")) await findImage(client, name);
    throw error;
  }
}

/** Throws AlreadyExists for the name of a container. */
export async function refuseTaken(client: Client, id: string): Promise<void> {
  const containers = await client.containers();
  if (ifPresent(() => containers.get(id))) {
    throw new CtrError("AlreadyExists", `container ${JSON.stringify(id)}`);
  }
}

async function createFromImage(
  client: Client,
  request: NewContainer,
  source: OpenedSource,
): Promise<CreatedContainer> {
  const { id } = request;
  const { image, config, snapshotter } = source;
  const base = await baseOf(client, request.spec, source, request.remapLabels);
  const mounts = await prepareSnapshot(snapshotter, id, base.parent, {
    ...request.snapshotterLabels,
    ...base.labels,
  });
  try {
    const spec = await withRootfs(client, mounts, (openRootfs) =>
      buildSpec({ ...specInput(client, request), source: { kind: "image", config, openRootfs } }),
    );
    const labels = containerLabels({ image: image.labels, config, given: request.labels ?? {} });
    const made = { image: image.name, labels, snapshotKey: id, snapshotter: snapshotter.name, spec };
    const labelledMounts = withMountLabel(mounts, spec);
    return { container: await record(client, request, made), mounts: labelledMounts };
  } catch (error) {
    // What cannot be removed now is litter for the collector; what went wrong is what counts.
    await snapshotter.remove(id).catch(() => {});
    throw error;
  }
}

/** Hardly anybody maps users, and the others do not load it. As `mapOwners`. */
export async function baseOf(
  client: Client,
  { uidMappings = [], gidMappings = [] }: Partial<OwnerMappings>,
  { parent, snapshotter }: Pick<OpenedSource, "parent" | "snapshotter">,
  isCopyRefused = false,
): Promise<MappedBase> {
  if (uidMappings.length === 0 || gidMappings.length === 0) return { parent, labels: {} };
  const { mapOwners } = await import("../snapshots/remap-snapshot.ts");
  return mapOwners(client, snapshotter, parent, { uidMappings, gidMappings }, isCopyRefused);
}

async function createFromHost(client: Client, request: NewContainer): Promise<CreatedContainer> {
  const { source } = request;
  if (source.kind === "image") throw new CtrError("InvalidArgument", "an image's container has a snapshot");
  const spec = await buildSpec({ ...specInput(client, request), source });
  const mounts = withMountLabel([], spec);
  const container = await record(client, request, {
    image: "",
    labels: request.labels ?? {},
    snapshotKey: "",
    snapshotter: "",
    spec,
  });
  return { container, mounts };
}

/** A snapshot of that key that no container has, and nobody made by hand, is what a killed creation left. */
export async function prepareSnapshot(
  snapshotter: Snapshotter,
  id: string,
  parent: string,
  labels: Labels,
): Promise<Mount[]> {
  try {
    return await snapshotter.prepare(id, parent, { labels });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const found = await snapshotter.stat(id);
    if (found.kind !== "Active" || found.labels[labelNames.gcRoot]) throw error;
    await snapshotter.remove(id);
    return snapshotter.prepare(id, parent, { labels });
  }
}

function specInput(client: Client, { id, spec, labels }: NewContainer): Omit<SpecInput, "source"> {
  return { ...spec, namespace: client.namespace, id, labels };
}

async function record(
  client: Client,
  { id, runtime, cni, dumpSpec, ownership }: NewContainer,
  made: Pick<Container, "image" | "labels" | "snapshotKey" | "snapshotter" | "spec">,
): Promise<Container> {
  if (dumpSpec) await writeSpec(dumpSpec, made.spec);
  const containers = await client.containers();
  return containers.create({
    id,
    runtime: runtime ?? { name: DEFAULT_RUNTIME },
    extensions: { ...(cni && WANTS_NETWORK), ...(ownership && EPHEMERAL) },
    ...made,
    // An empty value is no label, though an annotation.
    labels: Object.fromEntries(Object.entries(made.labels).filter(([, value]) => value !== "")),
  });
}

async function writeSpec(path: string, spec: object): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(spec, undefined, 2)}\n`);
  } catch (error) {
    throw asSysError(error, path);
  }
}
