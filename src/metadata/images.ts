import { parseDigest } from "../core/digest.ts";
import { CtrError, withSubject } from "../core/errors.ts";
import { mapField } from "../core/filters.ts";
import { validateLabels } from "../core/labels.ts";
import type { Draft, Image, ImageStore } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { createRecordStore, type TableDefinition, timesOf } from "./record-table.ts";

const images: TableDefinition<Image> = {
  table: "images",
  key: "name",
  columns: ["target", "labels"],
  keyOf: ({ name }) => name,
  toValues: ({ target, labels }) => [JSON.stringify(target), JSON.stringify(labels)],
  fromRow: (row, parseJson) => ({
    name: row.name as string,
    target: parseJson(row.target as string),
    labels: parseJson(row.labels as string),
    ...timesOf(row),
  }),
  fieldOf({ name, target, labels }, [field, ...rest]) {
    if (field === "name") return name;
    if (field === "target" && rest[0] === "digest") return target.digest;
    if (field === "target" && rest[0] === "mediatype") return target.mediaType;
    if (field === "labels") return mapField(labels, rest);
    if (field === "annotations") return mapField(target.annotations ?? {}, rest);
    return undefined;
  },
  subject: (name) => `image ${JSON.stringify(name)}`,
  validate: validateImage,
  created: ({ name, labels }) => ["/images/create", { name, labels }],
  updated: ({ name, labels }) => ["/images/update", { name, labels }],
  deleted: (name) => ["/images/delete", { name }],
};

export function createImageStore(connection: Connection, namespace: string): ImageStore {
  return createRecordStore(connection, namespace, images);
}

function validateImage({ name, target, labels }: Draft<Image>): void {
  if (name === "") throw new CtrError("InvalidArgument", "image name must not be empty");
  validateLabels(labels, "image.Labels");
  try {
    parseDigest(target.digest);
  } catch (error) {
    throw withSubject(`Target.Digest ${JSON.stringify(target.digest)} invalid`, error);
  }
  if (!(target.size > 0)) throw new CtrError("InvalidArgument", "Target.Size must be greater than zero");
  if (!target.mediaType) throw new CtrError("InvalidArgument", "Target.MediaType must be set");
}
