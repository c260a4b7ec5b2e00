import { CtrError, ifPresent } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import type { IdMapping } from "../../core/runtime-spec.ts";
import type { Snapshotter } from "../../core/snapshotter.ts";
import { shiftOwners } from "../../files/shift-owners.ts";
import { exclusively } from "../locks.ts";
import type { Client } from "../open.ts";
import { withRootfs } from "./rootfs-view.ts";

export interface OwnerMappings {
  uidMappings: readonly IdMapping[];
  gidMappings: readonly IdMapping[];
}

/** What a container's snapshot is to be made of, so that its files belong to those in the user namespace. */
export interface MappedBase {
  parent: string;
  labels: Labels;
}

/**
 * The snapshotter maps owners at no cost where it can; elsewhere, a copy of the image's snapshot with other owners is
 * made, `CHAIN-UID-GID` as containerd calls it, for all containers of that mapping. Garbage must not be collected
 * until something refers to it. Throws FailedPrecondition for what `isCopyRefused` forbids.
 */
export async function mapOwners(
  client: Client,
  snapshotter: Snapshotter,
  parent: string,
  mappings: OwnerMappings,
  isCopyRefused: boolean,
): Promise<MappedBase> {
  if (snapshotter.canRemap()) return { parent, labels: mappingLabels(mappings) };
  if (isCopyRefused) {
    throw new CtrError("FailedPrecondition", `snapshotter ${snapshotter.name} cannot map owners`, {
      hint: "leave out --remap-labels: then a copy with other owners is made",
    });
  }
  if (parent === "") return { parent, labels: {} };
  return { parent: await copyWithOwners(client, snapshotter, parent, mappings), labels: {} };
}

function mappingLabels({ uidMappings, gidMappings }: OwnerMappings): Labels {
  return {
    [labelNames.snapshotUidMapping]: uidMappings.map(mappingText).join(","),
    [labelNames.snapshotGidMapping]: gidMappings.map(mappingText).join(","),
  };
}

const mappingText = ({ containerID, hostID, size }: IdMapping): string => `${containerID}:${hostID}:${size}`;

async function copyWithOwners(
  client: Client,
  snapshotter: Snapshotter,
  parent: string,
  mappings: OwnerMappings,
): Promise<string> {
  const { uidMappings, gidMappings } = mappings;
  const shift = { uid: shiftBy(uidMappings), gid: shiftBy(gidMappings) };
  const name = `${parent}-${nameOf(uidMappings)}-${nameOf(gidMappings)}`;
  return exclusively(client, `remap-${client.namespace}--${snapshotter.name}-${name}`, async () => {
    if (await exists(snapshotter, name)) return name;
    const key = `${name}-remap`;
    // What a killed process left is half shifted.
    if (await exists(snapshotter, key)) await snapshotter.remove(key);
    const mounts = await snapshotter.prepare(key, parent);
    try {
      const shiftAll = async (openRootfs: () => Promise<string>) => shiftOwners(await openRootfs(), shift);
      await withRootfs(client, mounts, shiftAll, { writes: true });
      await snapshotter.commit(name, key);
    } catch (error) {
      await snapshotter.remove(key).catch(() => {});
      throw error;
    }
    return name;
  });
}

/** One mapping from 0 on is named by its host id, as containerd does, which knows no others. */
function nameOf(mappings: readonly IdMapping[]): string {
  const [first] = mappings;
  return mappings.length === 1 && first?.containerID === 0
    ? `${first.hostID}`
    : mappings.map(mappingText).join("+").replaceAll(":", ".");
}

/** An id that is in no mapping stays, and is nobody's to the container. */
function shiftBy(mappings: readonly IdMapping[]): (id: number) => number {
  return (id) => {
    const found = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
    return found ? found.hostID + id - found.containerID : id;
  };
}

async function exists(snapshotter: Snapshotter, key: string): Promise<boolean> {
  return (await ifPresent(() => snapshotter.stat(key))) !== undefined;
}
