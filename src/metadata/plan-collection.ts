import type { CollectionPlan, Litter, NamedObject, ReferenceStep } from "../core/collector.ts";
import { CtrError } from "../core/errors.ts";
import { ingestRule, type Sweepers } from "./collect.ts";
import type { Connection } from "./connection.ts";
import { type Holdings, readHoldings } from "./holdings.ts";
import { type Marked, markUsed } from "./mark.ts";
import { contentNode, imageNode, nodeOf, snapshotNode } from "./reference-graph.ts";

/** As a collection would find it now. Litter may be what a writer is about to record: nobody is kept out. */
export async function planCollection(connection: Connection, sweepers: Sweepers): Promise<CollectionPlan> {
  const now = new Date();
  // Listed before the rows are read: what gets its row in between is no litter.
  const blobs = await sweepers.content.blobs();
  const directories = await Promise.all(
    sweepers.snapshotters.map(async (sweeper) => ({ sweeper, ids: await sweeper.directoryIds() })),
  );
  const { marked, holdings, unusedImages } = connection.snapshot(() => {
    const marked = markUsed(connection, now, sweepers.abandonedLeases);
    return { marked, holdings: readHoldings(connection), unusedImages: findUnusedImages(connection, marked) };
  });
  const knownBlobs = new Set<string>(holdings.content.map(({ digest }) => digest));
  const knownIds = new Set(holdings.snapshots.map(({ directoryId }) => directoryId));
  const litter: Litter[] = [];
  for (const digest of blobs.filter((digest) => !knownBlobs.has(digest))) {
    litter.push({ kind: "blob", name: digest, sizeBytes: await sweepers.content.blobSize(digest) });
  }
  for (const { sweeper, ids } of directories) {
    const names = ids.filter((id) => !knownIds.has(id)).map((id) => `${sweeper.snapshotter}/${id}`);
    litter.push(...names.map((name): Litter => ({ kind: "directory", name })));
  }
  for (const { ref, sizeBytes } of await sweepers.content.staleIngests(ingestRule(marked, now))) {
    litter.push({ kind: "ingest", name: ref, sizeBytes });
  }
  const unused = [
    ...marked.expiredLeases.map(({ namespace, id }) => ({ kind: "lease" as const, namespace, name: id })),
    ...unusedImages,
    ...unusedContent(holdings, marked),
    ...unusedSnapshots(holdings, marked),
  ];
  return { unused, litter };
}

function findUnusedImages(connection: Connection, { isUsed }: Marked): NamedObject[] {
  return connection
    .all("SELECT namespace, name FROM images ORDER BY namespace, name")
    .map(({ namespace, name }) => ({
      kind: "image" as const,
      namespace: namespace as string,
      name: name as string,
    }))
    .filter(({ namespace, name }) => !isUsed(imageNode(namespace, name)));
}

function unusedContent({ content }: Holdings, { isUsed }: Marked): CollectionPlan["unused"] {
  const isHeld = ({ namespace, digest }: Holdings["content"][number]) =>
    isUsed(contentNode(namespace, digest));
  const counted = new Set<string>(content.filter(isHeld).map(({ digest }) => digest));
  return content
    .filter((row) => !isHeld(row))
    .map(({ namespace, digest, sizeBytes }) => ({
      kind: "content",
      namespace,
      name: digest,
      sizeBytes: once(counted, digest) ? sizeBytes : 0,
    }));
}

function unusedSnapshots({ snapshots }: Holdings, { isUsed }: Marked): CollectionPlan["unused"] {
  const isHeld = ({ namespace, snapshotter, key }: Holdings["snapshots"][number]) =>
    isUsed(snapshotNode(namespace, snapshotter, key));
  const counted = new Set<number>(snapshots.filter(isHeld).map(({ directoryId }) => directoryId));
  return snapshots
    .filter((row) => !isHeld(row))
    .map(({ namespace, snapshotter, key, directoryId, sizeBytes }) => ({
      kind: "snapshot",
      namespace,
      snapshotter,
      name: key,
      sizeBytes: once(counted, directoryId) ? sizeBytes : 0,
    }));
}

/** Whether it was not counted before. */
function once<T>(counted: Set<T>, thing: T): boolean {
  if (counted.has(thing)) return false;
  counted.add(thing);
  return true;
}

const EXISTS: Readonly<Record<NamedObject["kind"], string>> = {
  image: "SELECT 1 FROM images WHERE namespace = ? AND name = ?",
  container: "SELECT 1 FROM containers WHERE namespace = ? AND id = ?",
  content: "SELECT 1 FROM content WHERE namespace = ? AND digest = ?",
  lease: "SELECT 1 FROM leases WHERE namespace = ? AND id = ?",
  snapshot: "SELECT 1 FROM snapshots WHERE namespace = ? AND key = ? AND snapshotter = ?",
};

export function whyKept(connection: Connection, object: NamedObject): ReferenceStep[] | undefined {
  const { kind, namespace, name, snapshotter } = object;
  return connection.snapshot(() => {
    const values = [namespace, name, ...(kind === "snapshot" ? [snapshotter!] : [])];
    if (!connection.get(EXISTS[kind], ...values))
      throw new CtrError("NotFound", `${kind} ${JSON.stringify(name)}`);
    return markUsed(connection, new Date()).pathTo(nodeOf(object));
  });
}
