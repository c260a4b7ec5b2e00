import type { SnapshotSweeper } from "../../../core/collector.ts";
import { hasCode } from "../../../core/errors.ts";
import { chainIds } from "../../../core/manifest.ts";
import type { Snapshotter } from "../../../core/snapshotter.ts";
import type { HeldSnapshot, Holdings } from "../../../metadata/holdings.ts";
import { sweepersOf } from "../../collect.ts";
import { openImage } from "../../images/images.ts";
import { ensureUnpacked } from "../../images/unpack.ts";
import { inNamespace, openNamespaces } from "../../namespaces/in-namespace.ts";
import type { Client } from "../../open.ts";
import type { CheckResult, Problem } from "../problem.ts";

/** That each row's directory is there. */
export async function checkSnapshots(client: Client, { snapshots }: Holdings): Promise<CheckResult> {
  await using namespaces = openNamespaces(client);
  const directories = await directoryIds((await sweepersOf(client)).snapshotters);
  const problems: Problem[] = [];
  for (const row of snapshots) {
    const look = () => faultOf(namespaces.of(row.namespace), row, directories);
    // Of what is being removed the row goes first: whoever read it just before finds it again, but not twice.
    const fault = (await look()) && (await look());
    if (!fault) continue;
    const { namespace, snapshotter, key } = row;
    problems.push({
      kind: `snapshots/${snapshotter}`,
      namespace,
      name: key,
      fault,
      remedy: "pull its image again",
      mend: () => inNamespace(client, namespace, (other) => mend(other, row)),
    });
  }
  return { kind: "snapshots", checked: snapshots.length, problems };
}

async function directoryIds(sweepers: readonly SnapshotSweeper[]): Promise<Map<string, Set<number>>> {
  const ids = new Map<string, Set<number>>();
  for (const sweeper of sweepers) ids.set(sweeper.snapshotter, new Set(await sweeper.directoryIds()));
  return ids;
}

/** Undefined for what is whole, or was removed since its row was read. */
async function faultOf(
  client: Client,
  { snapshotter: name, key, parent, directoryId }: HeldSnapshot,
  directories: Map<string, Set<number>>,
): Promise<string | undefined> {
  try {
    const snapshotter = await client.snapshotter(name);
    await snapshotter.stat(key);
    if (directories.get(name)?.has(directoryId) === false) {
      // Made, or given other bytes, since the directories were listed.
      return (await isIntact(snapshotter, key)) ? undefined : "its directory is missing";
    }
    const isOwnFault =
      !(await isIntact(snapshotter, key)) && (!parent || (await isIntact(snapshotter, parent)));
    return isOwnFault ? "its directory is incomplete" : undefined;
  } catch (error) {
    if (hasCode(error, "NotFound")) return undefined;
    if (hasCode(error, "InvalidArgument")) return `its snapshotter ${name} is not there`;
    if (hasCode(error, "Unavailable", "DeadlineExceeded")) return `its snapshotter ${name} does not answer`;
    throw error;
  }
}

const isIntact = async (snapshotter: Snapshotter, key: string): Promise<boolean> =>
  (await snapshotter.isIntact?.(key)) ?? true;

/**
 * What is written to is made again, empty, by asking for its mounts. A layer is unpacked again where its bytes are
 * here; else it goes, unless others stand on it: those wait for the next pull, which brings it back beneath them.
 */
async function mend(
  client: Client,
  { snapshotter: name, key, kind, hasChildren }: HeldSnapshot,
): Promise<void> {
  const snapshotter = await client.snapshotter(name);
  if (kind !== "Committed") await snapshotter.mounts(key);
  else await unpackAgain(client, name, key);
  if ((await isIntact(snapshotter, key)) || hasChildren) return;
  await snapshotter.remove(key);
}

async function unpackAgain(client: Client, snapshotter: string, chain: string): Promise<void> {
  for (const image of (await client.images()).list()) {
    try {
      const local = await openImage(client, image);
      if (!chainIds(local.config.diffIds).some((id) => id === chain)) continue;
      await ensureUnpacked(client, local, { snapshotter });
      return;
    } catch (error) {
      if (!hasCode(error, "NotFound", "DataLoss", "InvalidArgument", "FailedPrecondition")) throw error;
    }
  }
}
