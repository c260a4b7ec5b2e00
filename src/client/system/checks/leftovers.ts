import { existsSync } from "node:fs";
import { join } from "node:path";
import { keepWritersOut } from "../../../files/collection-lock.ts";
import type { Holdings } from "../../../metadata/holdings.ts";
import { mountPointsBelow, unmountAll } from "../../../sys/mount.ts";
import { collectGarbage, sweepersOf } from "../../collect.ts";
import { mountPoints } from "../../images/mount-points.ts";
import { listContainers } from "../../leftovers.ts";
import { inNamespace } from "../../namespaces/in-namespace.ts";
import type { Client } from "../../open.ts";
import type { CheckResult, Problem } from "../problem.ts";
import { settledLeftovers } from "../prune.ts";

const LITTER_KINDS = { blob: "blobs", directory: "directories", ingest: "ingests" } as const;

/** Bytes on disk without a row. */
export async function checkLitter(client: Client): Promise<CheckResult> {
  const sweepers = await sweepersOf(client);
  const { litter } = await planUndisturbed(client, sweepers);
  const problems = litter.map(({ kind, name }) => ({
    kind: LITTER_KINDS[kind],
    name,
    fault: kind === "ingest" ? "nobody goes on with it" : "nothing in the database names it",
    mend: async () => void (await collectGarbage(client)),
  }));
  const onDisk = await Promise.all([
    sweepers.content.blobs(),
    ...sweepers.snapshotters.map((one) => one.directoryIds()),
  ]);
  return { kind: "files", checked: onDisk.reduce((count, names) => count + names.length, 0), problems };
}

/** Whoever is making bytes has written their row by then, too. */
async function planUndisturbed(client: Client, sweepers: Awaited<ReturnType<typeof sweepersOf>>) {
  // A machine that nothing was ever pulled to stays as it is.
  using _ = existsSync(client.root) ? await keepWritersOut(client.root) : undefined;
  return await (await client.metadata()).planCollection(sweepers);
}

/** Tasks, with what killed processes left of them and of others. */
export async function checkTasks(client: Client): Promise<CheckResult> {
  const leftovers = await settledLeftovers(client);
  const containers = await listContainers(client);
  const known = new Set(containers.map(({ namespace, id }) => `${namespace} ${id}`));
  const problems: Problem[] = leftovers.map(({ kind, namespace, name, remove }) => ({
    kind: `${kind}s`,
    namespace,
    name,
    fault: "who made it was killed, and nobody will use it again",
    mend: remove,
  }));
  const dead = new Set(leftovers.map(({ namespace, name }) => `${namespace} ${name}`));
  let checked = 0;
  for (const { name: namespace } of (await client.metadata()).namespaces().list()) {
    await inNamespace(client, namespace, async (other) => {
      for (const task of await (await other.tasks()).list()) {
        checked++;
        const name = `${namespace} ${task.id}`;
        if (known.has(name) || dead.has(name)) continue;
        const remedy = `end it: ctr -n ${namespace} tasks delete --force ${task.id}`;
        problems.push({ kind: "tasks", namespace, name: task.id, fault: "it has no container", remedy });
      }
    });
  }
  return { kind: "tasks", checked, problems };
}

/** Mounts where only this program mounts, that nothing needs any more. */
export async function checkMounts(client: Client, { snapshots }: Holdings): Promise<CheckResult> {
  const keys = new Set(snapshots.map(({ key }) => key));
  const images = mountPointsBelow(mountPoints(client)).filter((point) => !keys.has(point));
  // Whoever keeps snapshots on a disk of its own mounts it at a snapshotter's directory, or above.
  const home = join(client.root, "snapshots");
  const inside = mountPointsBelow(home).filter((point) => point.slice(home.length).split("/").length > 2);
  const problems = [...new Set([...images, ...inside])].map((name) => ({
    kind: "mounts",
    name,
    fault: "nothing needs it any more",
    mend: async () => unmountAll(name),
  }));
  const checked = mountPointsBelow(client.state).length + mountPointsBelow(home).length;
  return { kind: "mounts", checked, problems };
}
