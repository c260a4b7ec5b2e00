import { isDigest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { compileFilters, mapField } from "../core/filters.ts";
import { labelNames, validateLabels } from "../core/labels.ts";
import type { Lease, LeaseResource, LeaseStore } from "../core/records.ts";
import type { Connection, Row } from "./connection.ts";
import { ensureNamespace, parseLabelsColumn } from "./record-table.ts";

/** An expiry is kept where containerd keeps it, in the label `containerd.io/gc.expire`. */
export function createLeaseStore(connection: Connection, namespace: string): LeaseStore {
  const requireLease = (id: string) => {
    const row = connection.get("SELECT 1 FROM leases WHERE namespace = ? AND id = ?", namespace, id);
    if (!row) throw new CtrError("NotFound", `lease ${JSON.stringify(id)}`);
  };
  return {
    list(filters) {
      const matches = compileFilters<Lease>(filters, ({ id, labels }, [field, ...rest]) => {
        if (field === "id") return id;
        return field === "labels" ? mapField(labels, rest) : undefined;
      });
      const sql = "SELECT id, labels, created_at FROM leases WHERE namespace = ? ORDER BY id";
      return connection.all(sql, namespace).map(leaseOf).filter(matches);
    },
    create({ id = generateId(), labels: given = {}, expiresAt }) {
      if (id === "") throw new CtrError("InvalidArgument", "lease id must be provided");
      const labels = expiresAt ? { ...given, [labelNames.gcExpire]: expiresAt.toISOString() } : given;
      validateLabels(labels);
      const row = { id, labels: JSON.stringify(labels), created_at: Date.now() };
      connection.transaction(() => {
        ensureNamespace(connection, namespace);
        const inserted = connection.run(
          "INSERT INTO leases (namespace, id, labels, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
          ...[namespace, id, row.labels, row.created_at],
        );
        if (inserted === 0) throw new CtrError("AlreadyExists", `lease ${JSON.stringify(id)}`);
      });
      return leaseOf(row);
    },
    delete(id) {
      const deleted = connection.run("DELETE FROM leases WHERE namespace = ? AND id = ?", namespace, id);
      if (deleted === 0) throw new CtrError("NotFound", `lease ${JSON.stringify(id)}`);
    },
    addResource(id, ...resources) {
      resources.forEach(validateResource);
      connection.transaction(() => {
        requireLease(id);
        for (const resource of resources) {
          connection.run(
            "INSERT INTO lease_resources (namespace, lease, type, resource) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ...[namespace, id, resource.type, resource.id],
          );
        }
      });
    },
    resources: (id) =>
      connection.snapshot(() => {
        requireLease(id);
        return connection
          .all(
            "SELECT type, resource AS id FROM lease_resources WHERE namespace = ? AND lease = ? ORDER BY type, resource",
            ...[namespace, id],
          )
          .map((row) => ({ type: row.type as string, id: row.id as string }));
      }),
  };
}

/** Undefined without an expiry; like containerd, one that is no time is none. */
export function expiryOf(labels: Lease["labels"]): Date | undefined {
  const expiry = new Date(labels[labelNames.gcExpire] ?? "");
  return Number.isNaN(expiry.getTime()) ? undefined : expiry;
}

function leaseOf(row: Row): Lease {
  const labels = parseLabelsColumn(row.labels!);
  return {
    id: row.id as string,
    labels,
    createdAt: new Date(row.created_at as number),
    expiresAt: expiryOf(labels),
  };
}

/** Nanoseconds and a few letters, as containerd's: `301234344-_1oJ`. */
function generateId(): string {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(3))).toString("base64url");
  return `${process.hrtime()[1]}-${random}`;
}

function validateResource({ type, id }: LeaseResource): void {
  const [kind, snapshotter, ...rest] = type.split("/");
  if (kind === "snapshots") {
    if (snapshotter && rest.length === 0) return;
    throw new CtrError("InvalidArgument", `invalid snapshot resource type ${type}`);
  }
  if (!["content", "ingests", "images"].includes(kind!)) {
    throw new CtrError("NotImplemented", `resource type ${type} not supported yet`);
  }
  if (snapshotter !== undefined) throw new CtrError("InvalidArgument", `invalid resource type ${type}`);
  if (kind === "content" && !isDigest(id)) {
    throw new CtrError("InvalidArgument", `invalid content resource id ${id}`);
  }
}
