import { statSync } from "node:fs";
import { join } from "node:path";
import type { CollectionPlan, Litter } from "../../core/collector.ts";
import { hasCode } from "../../core/errors.ts";
import { listNames } from "../../files/list-names.ts";
import { sweepersOf } from "../collect.ts";
import { openNamespaces } from "../namespaces/in-namespace.ts";
import type { Client } from "../open.ts";

export interface UsageRow {
  /** Undefined for what belongs to no namespace. */
  namespace?: string;
  kind: string;
  count: number;
  sizeBytes: number;
  /** The part of it that other namespaces have as well. */
  sharedBytes: number;
  /** The part of it that the next collection frees. */
  freeableBytes: number;
}

export interface DiskUsage {
  rows: UsageRow[];
  /** Each byte once, whoever has it. */
  totalBytes: number;
}

interface Piece {
  namespace: string;
  kind: string;
  /** Of what is on disk once. */
  identity: string;
  sizeBytes: number;
  /** As `isUnused` knows it. */
  name: string;
}

/** What takes space below the root: by namespace and kind, allocated bytes for snapshots, lengths for all else. */
export async function readDiskUsage(client: Client): Promise<DiskUsage> {
  const metadata = await client.metadata();
  const { unused, litter } = await metadata.planCollection(await sweepersOf(client));
  const pieces = await readPieces(client);
  const others = [...litterRows(litter.filter(({ kind }) => kind !== "ingest")), ...fileRows(client.root)];
  const once = [...new Map(pieces.map((piece) => [piece.identity, piece])).values()];
  return { rows: [...heldRows(pieces, unused), ...others], totalBytes: sum(once) + sum(others) };
}

/** One for each namespace and kind. */
function heldRows(pieces: readonly Piece[], unused: CollectionPlan["unused"]): UsageRow[] {
  const freeable = new Map(
    unused.map(({ kind, namespace, name, snapshotter, sizeBytes }) => [
      [kind, namespace, snapshotter, name].join(" "),
      sizeBytes,
    ]),
  );
  const holders = Map.groupBy(pieces, ({ identity }) => identity);
  const isShared = ({ identity, namespace }: Piece) =>
    holders.get(identity)!.some((other) => other.namespace !== namespace);
  const groups = Map.groupBy(pieces, ({ namespace, kind }) => `${namespace} ${kind}`);
  return [...groups.values()].map((group) => {
    const own = [...new Map(group.map((piece) => [piece.identity, piece])).values()];
    const freed = group.filter(({ name }) => freeable.has(name));
    return {
      namespace: group[0]!.namespace,
      kind: group[0]!.kind,
      count: group.length,
      sizeBytes: sum(own),
      sharedBytes: sum(own.filter(isShared)),
      freeableBytes: sum(
        freed.map(({ name, sizeBytes }) => ({ sizeBytes: freeable.get(name) ?? sizeBytes })),
      ),
    };
  });
}

async function readPieces(client: Client): Promise<Piece[]> {
  await using namespaces = openNamespaces(client);
  const { content, snapshots } = await (await client.metadata()).holdings();
  const pieces: Piece[] = content.map(({ namespace, digest, sizeBytes }) => ({
    namespace,
    kind: "content",
    identity: digest,
    sizeBytes,
    name: ["content", namespace, "", digest].join(" "),
  }));
  for (const { namespace, snapshotter, key, directoryId, sizeBytes } of snapshots) {
    pieces.push({
      namespace,
      kind: `snapshots/${snapshotter}`,
      identity: `directory ${directoryId}`,
      sizeBytes: sizeBytes ?? (await activeSize(namespaces.of(namespace), snapshotter, key)),
      name: ["snapshot", namespace, snapshotter, key].join(" "),
    });
  }
  return pieces;
}

/** 0 for one that is removed meanwhile, or whose snapshotter is not there any more. */
async function activeSize(client: Client, snapshotter: string, key: string) {
  try {
    const { sizeBytes } = await (await client.snapshotter(snapshotter)).usage(key);
    return sizeBytes;
  } catch (error) {
    if (hasCode(error, "NotFound", "InvalidArgument", "Unavailable", "DeadlineExceeded")) return 0;
    throw error;
  }
}

function litterRows(litter: readonly Litter[]): UsageRow[] {
  const groups = Map.groupBy(litter, ({ kind }) => kind);
  return [...groups].map(([kind, group]) => {
    const sizeBytes = group.reduce((total, one) => total + (one.sizeBytes ?? 0), 0);
    return {
      kind: `${kind} without record`,
      count: group.length,
      sizeBytes,
      sharedBytes: 0,
      freeableBytes: sizeBytes,
    };
  });
}

/** What is neither content nor snapshots. */
function fileRows(root: string): UsageRow[] {
  const rows = [
    fileRow("database", databaseFiles(root)),
    fileRow("ingests", filesBelow(join(root, "content", "ingest"))),
    fileRow("logs", filesBelow(join(root, "logs"))),
  ];
  return rows.filter(({ count }) => count > 0);
}

function fileRow(kind: string, files: readonly string[]): UsageRow {
  const sizes = files.flatMap((path) => statSync(path, { throwIfNoEntry: false })?.size ?? []);
  const sizeBytes = sizes.reduce((total, size) => total + size, 0);
  return { kind, count: sizes.length, sizeBytes, sharedBytes: 0, freeableBytes: 0 };
}

const databaseFiles = (root: string): string[] =>
  listNames(root)
    .filter((name) => name.startsWith("metadata.db"))
    .map((name) => join(root, name));

function filesBelow(directory: string): string[] {
  return listNames(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return [];
    return stat.isDirectory() ? filesBelow(path) : [path];
  });
}

const sum = (pieces: readonly { sizeBytes: number }[]): number =>
  pieces.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
