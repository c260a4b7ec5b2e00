import { CtrError } from "../core/errors.ts";
import { validateIdentifier } from "../core/identifier.ts";
import { mergeLabels, validateLabels } from "../core/labels.ts";
import type { NamespaceStore } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { parseLabelsColumn } from "./record-table.ts";

export function createNamespaceStore(connection: Connection): NamespaceStore {
  return {
    list: () =>
      connection
        .all("SELECT name, labels FROM namespaces ORDER BY name")
        .map(({ name, labels }) => ({ name: name as string, labels: parseLabelsColumn(labels!) })),
    create({ name, labels }) {
      validateIdentifier(name);
      validateLabels(labels, "namespace.Labels");
      connection.transaction(() => {
        const inserted = connection.run(
          "INSERT INTO namespaces (name, labels) VALUES (?, ?) ON CONFLICT DO NOTHING",
          ...[name, JSON.stringify(labels)],
        );
        if (inserted === 0) throw new CtrError("AlreadyExists", `namespace ${JSON.stringify(name)}`);
        connection.announce(name, "/namespaces/create", { name, labels });
      });
      return { name, labels };
    },
    label(name, changes) {
      validateLabels(changes, "namespace.Labels");
      connection.transaction(() => {
        const row = connection.get("SELECT labels FROM namespaces WHERE name = ?", name);
        if (!row) return;
        const labels = JSON.stringify(mergeLabels(parseLabelsColumn(row.labels!), changes));
        connection.run("UPDATE namespaces SET labels = ? WHERE name = ?", labels, name);
        // One for each label, as containerd's clients change them.
        for (const [label, value] of Object.entries(changes)) {
          connection.announce(name, "/namespaces/update", { name, labels: { [label]: value } });
        }
      });
    },
    delete(name) {
      connection.transaction(() => {
        const holdings = listHoldings(connection, name);
        if (holdings.length > 0) {
          const subject = `namespace ${JSON.stringify(name)} must be empty, but it still has ${holdings.join(", ")}`;
          throw new CtrError("FailedPrecondition", subject);
        }
        // Its leases hold nothing any more and go with it.
        const deleted = connection.run("DELETE FROM namespaces WHERE name = ?", name);
        if (deleted === 0) throw new CtrError("NotFound", `namespace ${JSON.stringify(name)}`);
        connection.announce(name, "/namespaces/delete", { name });
      });
    },
  };
}

function listHoldings(connection: Connection, namespace: string): string[] {
  const holds = (table: string) =>
    connection.get(`SELECT 1 FROM ${table} WHERE namespace = ? LIMIT 1`, namespace) !== undefined;
  const snapshotters = connection.all(
    "SELECT DISTINCT snapshotter FROM snapshots WHERE namespace = ? ORDER BY snapshotter",
    namespace,
  );
  return [
    ...(holds("images") ? ["images"] : []),
    ...(holds("content") ? ["blobs"] : []),
    ...(holds("containers") ? ["containers"] : []),
    ...snapshotters.map(({ snapshotter }) => `snapshots on ${JSON.stringify(snapshotter)} snapshotter`),
  ];
}
