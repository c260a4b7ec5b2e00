import { basename } from "node:path";
import { hasCode } from "../core/errors.ts";
import { abandonedPlaces, removeMountPlace } from "../files/places.ts";
import { usesNetworks } from "./containers/container-network.ts";
import { removeMountPoint, unusedMountPoints } from "./images/mount-points.ts";
import { abandonedLocks, removeLock } from "./locks.ts";
import { mountPlaces } from "./mount-places.ts";
import type { Client } from "./open.ts";
import { abandonedWorkspaces, removeWorkspace } from "./workspace.ts";

/** What a process that was killed has left, and nobody will use again. */
export interface Leftover {
  kind: "task" | "network" | "log" | "lock" | "mount" | "mountpoint" | "workspace";
  namespace?: string;
  name: string;
  sizeBytes?: number;
  /** Does nothing when somebody has it by now. */
  remove(): Promise<void>;
}

/**
 * Dead tasks that no container refers to, networks' addresses of containers that have ended, logs without a task,
 * locks, mounts and workspaces whose holders are gone, directories to mount images at; in all namespaces. `untouchedMs`
 * leaves out what changed since: what is being made may look abandoned for an instant.
 */
export async function findLeftovers(client: Client, untouchedMs: number): Promise<Leftover[]> {
  const { findDeadTasks, findTaskLogs } = await import("../runtime/index.ts");
  const containers = await listContainers(client);
  const metadata = await client.metadata();
  const hasContainer = (namespace: string, id: string) => has(() => metadata.containers(namespace).get(id));
  const limit = Date.now() - untouchedMs;
  const isOld = ({ changedAt }: { changedAt: Date }) => changedAt.getTime() <= limit;
  const tasks = findDeadTasks(client.state, client.events, hasContainer).filter(isOld);
  const logs = findTaskLogs(client.root, client.state)
    .filter(isOld)
    .filter(({ namespace, id }) => !hasContainer(namespace, id));
  const networks = usesNetworks(client) ? (await client.networks()).stale() : [];
  const locks = await abandonedLocks(client, containers);
  const unused = (await unusedMountPoints(client)).filter(isOld);
  return [
    ...tasks.map(({ namespace, id, remove }) => ({ kind: "task" as const, namespace, name: id, remove })),
    ...networks.map(({ namespace, id, release }) => ({
      kind: "network" as const,
      namespace,
      name: id,
      remove: release,
    })),
    ...logs.map(({ namespace, path, sizeBytes, remove }) => ({
      kind: "log" as const,
      namespace,
      name: basename(path),
      sizeBytes,
      remove: async () => remove(),
    })),
    ...locks.map((path) => ({ kind: "lock" as const, name: basename(path), remove: () => removeLock(path) })),
    ...abandonedPlaces(mountPlaces(client)).map((place) => ({
      kind: "mount" as const,
      name: place,
      remove: async () => removeMountPlace(place),
    })),
    ...unused.map(({ path }) => ({
      kind: "mountpoint" as const,
      name: path,
      remove: async () => removeMountPoint(path),
    })),
    ...abandonedWorkspaces(client).map((path) => ({
      kind: "workspace" as const,
      name: path,
      remove: async () => removeWorkspace(path),
    })),
  ];
}

/** Of all namespaces. */
export async function listContainers(client: Client) {
  const metadata = await client.metadata();
  return metadata
    .namespaces()
    .list()
    .flatMap(({ name }) =>
      metadata
        .containers(name)
        .list()
        .map(({ id, snapshotKey, snapshotter }) => ({ namespace: name, id, snapshotKey, snapshotter })),
    );
}

function has(get: () => unknown): boolean {
  try {
    get();
    return true;
  } catch (error) {
    if (hasCode(error, "NotFound", "InvalidArgument")) return false;
    throw error;
  }
}
