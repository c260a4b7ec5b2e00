import type { IngestName, IngestRule } from "../core/collector.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import type { Connection, Row } from "./connection.ts";
import { expiryOf } from "./leases.ts";
import { parseLabelsColumn } from "./record-table.ts";
import {
  containerNode,
  contentNode,
  imageNode,
  leaseNode,
  type Node,
  PREFIX,
  type Reached,
  ReferenceGraph,
  snapshotNode,
} from "./reference-graph.ts";

/**
 * What is in use, by containerd's rules.
 *
 * Roots: images (unless their label `gc.expire` has passed), containers, what an unexpired lease holds, content and
 * snapshots labelled `gc.root`, or `gc.expire` with a time to come.
 * Edges: an image to its target, a container to its snapshot, a snapshot to its parent, and for all of these the
 * labels `gc.ref.content`, `gc.ref.image` (any name after `.` or `/`) and `gc.ref.snapshot.SNAPSHOTTER`, and from the
 * other end `gc.bref.…`. Nothing crosses a namespace. A container does not hold its image's record or content.
 * A lease labelled `gc.flat` holds what it names without following labels.
 */

export interface LeaseName {
  namespace: string;
  id: string;
}

export interface Marked {
  isUsed(node: Node): boolean;
  /** From what is kept for its own sake down to the node; undefined for what is not in use. */
  pathTo: Reached["pathTo"];
  /** Those abandoned among them. */
  expiredLeases: LeaseName[];
  ingests: Pick<IngestRule, "leased" | "released">;
}

/** Part of the transaction that removes what is not marked. Leases that are abandoned have expired. */
export function markUsed(
  connection: Connection,
  now: Date,
  abandonedLeases: readonly LeaseName[] = [],
): Marked {
  const graph = new ReferenceGraph();
  readImages(connection, graph, now);
  readContainers(connection, graph);
  readContent(connection, graph, now);
  readSnapshots(connection, graph, now);
  const abandoned = new Set(abandonedLeases.map(({ namespace, id }) => leaseNode(namespace, id)));
  const isOver = (lease: Node, expiry: Date | undefined) =>
    abandoned.has(lease) || (expiry !== undefined && expiry <= now);
  const { expiredLeases, ingests } = readLeases(connection, graph, isOver);
  const reached = graph.reach();
  return { isUsed: reached.has, pathTo: reached.pathTo, expiredLeases, ingests };
}

function readImages(connection: Connection, graph: ReferenceGraph, now: Date): void {
  const sql = "SELECT namespace, name, target ->> '$.digest' AS digest, labels FROM images";
  for (const row of connection.all(sql)) {
    const [namespace, name] = texts(row, "namespace", "name");
    const node = imageNode(namespace, name);
    const labels = collectorLabels(row);
    const expiry = expiryOf(labels);
    if (!expiry || expiry > now) graph.addRoot(node, "its record");
    graph.addEdge(node, contentNode(namespace, row.digest as string), "its target");
    graph.addLabels(node, namespace, labels);
  }
}

function readContainers(connection: Connection, graph: ReferenceGraph): void {
  for (const row of connection.all(
    "SELECT namespace, id, snapshotter, snapshot_key, labels FROM containers",
  )) {
    const [namespace, id, snapshotter, key] = texts(row, "namespace", "id", "snapshotter", "snapshot_key");
    const node = containerNode(namespace, id);
    graph.addRoot(node, "its record");
    if (key) graph.addEdge(node, snapshotNode(namespace, snapshotter, key), "its snapshot");
    graph.addLabels(node, namespace, collectorLabels(row));
  }
}

function readContent(connection: Connection, graph: ReferenceGraph, now: Date): void {
  const sql = `SELECT namespace, digest, labels FROM content WHERE instr(labels, '${PREFIX}')`;
  for (const row of connection.all(sql)) {
    const [namespace, digest] = texts(row, "namespace", "digest");
    addLabelled(graph, contentNode(namespace, digest), { namespace, labels: collectorLabels(row), now });
  }
}

function readSnapshots(connection: Connection, graph: ReferenceGraph, now: Date): void {
  for (const row of connection.all("SELECT namespace, snapshotter, key, parent, labels FROM snapshots")) {
    const [namespace, snapshotter, key] = texts(row, "namespace", "snapshotter", "key");
    const node = snapshotNode(namespace, snapshotter, key);
    const parent = row.parent as string | null;
    if (parent) graph.addEdge(node, snapshotNode(namespace, snapshotter, parent), "its parent");
    addLabelled(graph, node, { namespace, labels: collectorLabels(row), now });
  }
}

function addLabelled(
  graph: ReferenceGraph,
  node: Node,
  { namespace, labels, now }: { namespace: string; labels: Labels; now: Date },
): void {
  const root = Object.keys(labels).find((label) => label.startsWith(labelNames.gcRoot));
  if (root !== undefined) graph.addRoot(node, `label ${root}`);
  const expiry = expiryOf(labels);
  if (expiry && expiry > now) graph.addRoot(node, `until ${expiry.toISOString()}`);
  graph.addLabels(node, namespace, labels);
}

function readLeases(
  connection: Connection,
  graph: ReferenceGraph,
  isOver: (lease: Node, expiry: Date | undefined) => boolean,
) {
  const expiredLeases: Marked["expiredLeases"] = [];
  const ingests = { leased: [] as IngestName[], released: [] as IngestName[] };
  const resourcesSql = "SELECT type, resource FROM lease_resources WHERE namespace = ? AND lease = ?";
  for (const row of connection.all("SELECT namespace, id, labels FROM leases")) {
    const [namespace, id] = texts(row, "namespace", "id");
    const labels = collectorLabels(row);
    const expiry = expiryOf(labels);
    const lease = leaseNode(namespace, id);
    const resources = connection.all(resourcesSql, namespace, id);
    const held = resources.filter(({ type }) => type === "ingests");
    const names = held.map(({ resource }) => ({ namespace, ref: resource as string }));
    if (isOver(lease, expiry)) {
      expiredLeases.push({ namespace, id });
      ingests.released.push(...names);
      continue;
    }
    ingests.leased.push(...names);
    graph.addRoot(lease, expiry ? `until ${expiry.toISOString()}` : "without end", {
      isFlat: labelNames.gcFlat in labels,
    });
    for (const { type, resource } of resources) {
      const node = leasedNode(namespace, type as string, resource as string);
      if (node) graph.addEdge(lease, node, "held by it");
    }
  }
  return { expiredLeases, ingests };
}

function leasedNode(namespace: string, type: string, resource: string): Node | undefined {
  if (type === "content") return contentNode(namespace, resource);
  if (type === "images") return imageNode(namespace, resource);
  const snapshotter = /^snapshots\/(.+)$/.exec(type)?.[1];
  return snapshotter && snapshotNode(namespace, snapshotter, resource);
}

function collectorLabels(row: Row): Labels {
  return (row.labels as string).includes(PREFIX) ? parseLabelsColumn(row.labels!) : {};
}

function texts<const Names extends string[]>(row: Row, ...names: Names): { [K in keyof Names]: string } {
  return names.map((name) => row[name] as string) as { [K in keyof Names]: string };
}
