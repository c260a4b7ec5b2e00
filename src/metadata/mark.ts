import { type Labels, labelNames } from "../core/labels.ts";
import type { Connection, Row } from "./connection.ts";
import { expiryOf } from "./leases.ts";
import { parseLabelsColumn } from "./record-table.ts";

/**
 * What is in use, by containerd's rules.
 *
 * Roots: images (unless their label `gc.expire` has passed), containers, what an unexpired lease holds, content and
 * snapshots labelled `gc.root`.
 * Edges: an image to its target, a container to its snapshot, a snapshot to its parent, and for all of these the
 * labels `gc.ref.content`, `gc.ref.image` (any name after `.` or `/`) and `gc.ref.snapshot.SNAPSHOTTER`, and from the
 * other end `gc.bref.…`. Nothing crosses a namespace. A container does not hold its image's record or content.
 * A lease labelled `gc.flat` holds what it names without following labels.
 */

/** One thing that can be in use: `content NAMESPACE DIGEST`, `snapshot NAMESPACE SNAPSHOTTER KEY` … */
type Node = string;

/** A node as reached from a flat lease: its labels are not followed. */
interface Visit {
  node: Node;
  isFlat: boolean;
}

export interface Marked {
  isUsed(node: Node): boolean;
  expiredLeases: { namespace: string; id: string }[];
  leasedIngests: { namespace: string; ref: string }[];
}

const PREFIX = "containerd.io/gc.";

export const contentNode = (namespace: string, digest: string): Node => `content ${namespace} ${digest}`;
export const imageNode = (namespace: string, name: string): Node => `image ${namespace} ${name}`;
/** Neither namespaces nor snapshotters have blanks in their names; what comes last may. */
export const snapshotNode = (namespace: string, snapshotter: string, key: string): Node =>
  `snapshot ${namespace} ${snapshotter} ${key}`;
const containerNode = (namespace: string, id: string): Node => `container ${namespace} ${id}`;

/** Part of the transaction that removes what is not marked. */
export function markUsed(connection: Connection, now: Date): Marked {
  const graph = new ReferenceGraph();
  readImages(connection, graph, now);
  readContainers(connection, graph);
  readContent(connection, graph);
  readSnapshots(connection, graph);
  const { expiredLeases, leasedIngests } = readLeases(connection, graph, now);
  const used = graph.reach();
  return { isUsed: (node) => used.has(node), expiredLeases, leasedIngests };
}

class ReferenceGraph {
  readonly #roots: Visit[] = [];
  /** What the records themselves say: followed from flat leases too. */
  readonly #fixed = new Map<Node, Node[]>();
  readonly #labelled = new Map<Node, Node[]>();

  addRoot(node: Node, isFlat = false): void {
    this.#roots.push({ node, isFlat });
  }

  addEdge(from: Node, to: Node): void {
    append(this.#fixed, from, to);
  }

  addLabels(node: Node, namespace: string, labels: Labels): void {
    for (const [label, value] of Object.entries(labels)) {
      if (!label.startsWith(PREFIX)) continue;
      const [kind = "", isBack] = splitReference(label);
      const other = referredNode(kind, namespace, value);
      if (other && isBack) append(this.#labelled, other, node);
      else if (other) append(this.#labelled, node, other);
    }
  }

  reach(): Set<Node> {
    const followed = new Set<Node>();
    const flat = new Set<Node>();
    const visits = [...this.#roots];
    for (let visit = visits.pop(); visit; visit = visits.pop()) {
      const { node, isFlat } = visit;
      if (followed.has(node) || (isFlat && flat.has(node))) continue;
      (isFlat ? flat : followed).add(node);
      for (const next of this.#fixed.get(node) ?? []) visits.push({ node: next, isFlat });
      if (isFlat) continue;
      for (const next of this.#labelled.get(node) ?? []) visits.push({ node: next, isFlat });
    }
    return followed.union(flat);
  }
}

/** `gc.ref.snapshot.overlayfs/x` is `snapshot.overlayfs`; a name after content or image is dropped. */
function splitReference(label: string): [kind?: string, isBack?: boolean] {
  const match = /^(b?)ref\.(?:(content|image)(?:[./].*)?|(snapshot\.[^/]+)(?:\/.*)?)$/s.exec(
    label.slice(PREFIX.length),
  );
  if (!match) {
    const container = /^bref\.container(?:[./].*)?$/s.test(label.slice(PREFIX.length));
    return container ? ["container", true] : [];
  }
  return [match[2] ?? match[3], match[1] === "b"];
}

function referredNode(kind: string, namespace: string, value: string): Node | undefined {
  if (kind === "content") return contentNode(namespace, value);
  if (kind === "image") return imageNode(namespace, value);
  if (kind === "container") return containerNode(namespace, value);
  if (kind.startsWith("snapshot.")) return snapshotNode(namespace, kind.slice("snapshot.".length), value);
  return undefined;
}

function readImages(connection: Connection, graph: ReferenceGraph, now: Date): void {
  const sql = "SELECT namespace, name, target ->> '$.digest' AS digest, labels FROM images";
  for (const row of connection.all(sql)) {
    const [namespace, name] = texts(row, "namespace", "name");
    const node = imageNode(namespace, name);
    const labels = collectorLabels(row);
    const expiry = expiryOf(labels);
    if (!expiry || expiry > now) graph.addRoot(node);
    graph.addEdge(node, contentNode(namespace, row.digest as string));
    graph.addLabels(node, namespace, labels);
  }
}

function readContainers(connection: Connection, graph: ReferenceGraph): void {
  for (const row of connection.all(
    "SELECT namespace, id, snapshotter, snapshot_key, labels FROM containers",
  )) {
    const [namespace, id, snapshotter, key] = texts(row, "namespace", "id", "snapshotter", "snapshot_key");
    const node = containerNode(namespace, id);
    graph.addRoot(node);
    if (key) graph.addEdge(node, snapshotNode(namespace, snapshotter, key));
    graph.addLabels(node, namespace, collectorLabels(row));
  }
}

function readContent(connection: Connection, graph: ReferenceGraph): void {
  const sql = `SELECT namespace, digest, labels FROM content WHERE instr(labels, '${PREFIX}')`;
  for (const row of connection.all(sql)) {
    const [namespace, digest] = texts(row, "namespace", "digest");
    addLabelled(graph, contentNode(namespace, digest), namespace, collectorLabels(row));
  }
}

function readSnapshots(connection: Connection, graph: ReferenceGraph): void {
  for (const row of connection.all("SELECT namespace, snapshotter, key, parent, labels FROM snapshots")) {
    const [namespace, snapshotter, key] = texts(row, "namespace", "snapshotter", "key");
    const node = snapshotNode(namespace, snapshotter, key);
    if (row.parent) graph.addEdge(node, snapshotNode(namespace, snapshotter, row.parent as string));
    addLabelled(graph, node, namespace, collectorLabels(row));
  }
}

function addLabelled(graph: ReferenceGraph, node: Node, namespace: string, labels: Labels): void {
  if (Object.keys(labels).some((label) => label.startsWith(labelNames.gcRoot))) graph.addRoot(node);
  graph.addLabels(node, namespace, labels);
}

function readLeases(connection: Connection, graph: ReferenceGraph, now: Date) {
  const expiredLeases: Marked["expiredLeases"] = [];
  const leasedIngests: Marked["leasedIngests"] = [];
  const resourcesSql = "SELECT type, resource FROM lease_resources WHERE namespace = ? AND lease = ?";
  for (const row of connection.all("SELECT namespace, id, labels FROM leases")) {
    const [namespace, id] = texts(row, "namespace", "id");
    const labels = collectorLabels(row);
    const expiry = expiryOf(labels);
    if (expiry && expiry <= now) {
      expiredLeases.push({ namespace, id });
      continue;
    }
    const isFlat = labelNames.gcFlat in labels;
    for (const { type, resource } of connection.all(resourcesSql, namespace, id)) {
      if (type === "ingests") leasedIngests.push({ namespace, ref: resource as string });
      const node = leasedNode(namespace, type as string, resource as string);
      if (node) graph.addRoot(node, isFlat);
    }
  }
  return { expiredLeases, leasedIngests };
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

function append(map: Map<Node, Node[]>, from: Node, to: Node): void {
  const list = map.get(from);
  if (list) list.push(to);
  else map.set(from, [to]);
}
