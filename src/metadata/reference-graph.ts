import type { NamedObject, ReferenceStep } from "../core/collector.ts";
import { type Labels, labelNames } from "../core/labels.ts";

/** One thing that can be in use: `content NAMESPACE DIGEST`, `snapshot NAMESPACE SNAPSHOTTER KEY` … */
export type Node = string;

export const PREFIX = labelNames.gcPrefix;

export const contentNode = (namespace: string, digest: string): Node => `content ${namespace} ${digest}`;
export const imageNode = (namespace: string, name: string): Node => `image ${namespace} ${name}`;
/** Neither namespaces nor snapshotters have blanks in their names; what comes last may. */
export const snapshotNode = (namespace: string, snapshotter: string, key: string): Node =>
  `snapshot ${namespace} ${snapshotter} ${key}`;
export const containerNode = (namespace: string, id: string): Node => `container ${namespace} ${id}`;
export const leaseNode = (namespace: string, id: string): Node => `lease ${namespace} ${id}`;

export function nodeOf({ kind, namespace, name, snapshotter }: NamedObject): Node {
  return kind === "snapshot" ? snapshotNode(namespace, snapshotter!, name) : `${kind} ${namespace} ${name}`;
}

function objectOf(node: Node): NamedObject {
  const [, kind, namespace, rest] = /^(\w+) (\S+) (.*)$/s.exec(node) as unknown as [
    string,
    NamedObject["kind"],
    string,
    string,
  ];
  if (kind !== "snapshot") return { kind, namespace, name: rest };
  const blank = rest.indexOf(" ");
  return { kind, namespace, snapshotter: rest.slice(0, blank), name: rest.slice(blank + 1) };
}

interface Edge {
  to: Node;
  by: string;
}

interface Visit {
  node: Node;
  by: string;
  /** As reached from a flat lease: its labels are not followed. */
  isFlat: boolean;
  from?: Visit;
}

/** How one arrives at each thing in use, by the fewest steps. */
export interface Reached {
  has(node: Node): boolean;
  /** From a root down to the node; undefined when it is not in use. */
  pathTo(node: Node): ReferenceStep[] | undefined;
}

/** Who refers to whom, within their namespaces. */
export class ReferenceGraph {
  readonly #roots: Visit[] = [];
  /** What the records themselves say: followed from flat leases too. */
  readonly #fixed = new Map<Node, Edge[]>();
  readonly #labelled = new Map<Node, Edge[]>();

  addRoot(node: Node, by: string, { isFlat = false } = {}): void {
    this.#roots.push({ node, by, isFlat });
  }

  addEdge(from: Node, to: Node, by: string): void {
    append(this.#fixed, from, { to, by });
  }

  /** Their references: `gc.ref.…` to others, `gc.bref.…` from others. */
  addLabels(node: Node, namespace: string, labels: Labels): void {
    for (const [label, value] of Object.entries(labels)) {
      if (!label.startsWith(PREFIX)) continue;
      const [kind = "", isBack] = splitReference(label);
      const other = referredNode(kind, namespace, value);
      const by = `label ${label}`;
      if (other && isBack) append(this.#labelled, other, { to: node, by });
      else if (other) append(this.#labelled, node, { to: other, by });
    }
  }

  reach(): Reached {
    const followed = new Map<Node, Visit>();
    const flat = new Map<Node, Visit>();
    const visits = [...this.#roots];
    for (let at = 0; at < visits.length; at++) {
      const visit = visits[at]!;
      const { node, isFlat } = visit;
      if (followed.has(node) || (isFlat && flat.has(node))) continue;
      (isFlat ? flat : followed).set(node, visit);
      for (const { to, by } of this.#fixed.get(node) ?? [])
        visits.push({ node: to, by, isFlat, from: visit });
      if (isFlat) continue;
      for (const { to, by } of this.#labelled.get(node) ?? [])
        visits.push({ node: to, by, isFlat, from: visit });
    }
    return {
      has: (node) => followed.has(node) || flat.has(node),
      pathTo: (node) => stepsTo(followed.get(node) ?? flat.get(node)),
    };
  }
}

function stepsTo(last: Visit | undefined): ReferenceStep[] | undefined {
  if (!last) return undefined;
  const steps: ReferenceStep[] = [];
  for (let visit: Visit | undefined = last; visit; visit = visit.from) {
    steps.unshift({ ...objectOf(visit.node), by: visit.by });
  }
  return steps;
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

function append(map: Map<Node, Edge[]>, from: Node, edge: Edge): void {
  const list = map.get(from);
  if (list) list.push(edge);
  else map.set(from, [edge]);
}
