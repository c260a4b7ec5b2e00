import { type Digest, parseDigest } from "../core/digest.ts";
import { mapField } from "../core/filters.ts";
import { validateLabels } from "../core/labels.ts";
import type { ContentRecord, ContentRecordStore, Draft } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { createRecordStore, type TableDefinition, timesOf } from "./record-table.ts";

const content: TableDefinition<ContentRecord> = {
  table: "content",
  key: "digest",
  columns: ["size", "labels"],
  keyOf: ({ digest }) => digest,
  toValues: ({ size, labels }) => [size, JSON.stringify(labels)],
  fromRow: (row, parseJson) => ({
    digest: row.digest as Digest,
    size: row.size as number,
    labels: parseJson(row.labels as string),
    ...timesOf(row),
  }),
  // The real one knows no size here either: a filter by size matches nothing.
  fieldOf({ digest, labels }, [field, ...rest]) {
    if (field === "digest") return digest;
    if (field === "labels") return mapField(labels, rest);
    return undefined;
  },
  subject: (digest) => `content digest ${digest}`,
  created: ({ digest, size, mediaType }: Draft<ContentRecord> & { mediaType?: string }) => [
    "/content/create",
    { digest, size, mediaType },
  ],
  deleted: (digest) => ["/content/delete", { digest }],
  validate({ digest, labels }: Draft<ContentRecord>) {
    parseDigest(digest);
    validateLabels(labels, "content.Labels");
  },
};

export function createContentRecordStore(connection: Connection, namespace: string): ContentRecordStore {
  return {
    ...createRecordStore(connection, namespace, content),
    inAnyNamespace(digest) {
      const row = connection.get("SELECT * FROM content WHERE digest = ? LIMIT 1", digest);
      return row && content.fromRow(row, JSON.parse);
    },
  };
}
