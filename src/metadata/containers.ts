import { CtrError, withSubject } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import { mapField } from "../core/filters.ts";
import { validateIdentifier } from "../core/identifier.ts";
import { validateLabels } from "../core/labels.ts";
import type { Container, ContainerStore, Draft } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { createRecordStore, type TableDefinition, timesOf } from "./record-table.ts";

/**
 * A spec is larger than all the rest of its container, and listings do not show it: what `list` answers reads its
 * `spec` when that is first looked at, and throws NotFound if the container is gone by then.
 */
export function createContainerStore(connection: Connection, namespace: string): ContainerStore {
  const records = createRecordStore(connection, namespace, defineContainers(connection, namespace));
  const writeSpec = ({ id, spec }: Draft<Container>) =>
    connection.run(
      "INSERT INTO container_specs (namespace, id, spec) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET spec = excluded.spec",
      ...[namespace, id, JSON.stringify(spec)],
    );
  return {
    ...records,
    get: (id) =>
      connection.snapshot(() => {
        const container = records.get(id);
        void container.spec;
        return container;
      }),
    create: (draft) =>
      connection.transaction(() => {
        const created = records.create(draft);
        writeSpec(draft);
        return created;
      }),
    update: (id, change) =>
      connection.transaction(() => {
        const updated = records.update(id, change);
        writeSpec(updated);
        return updated;
      }),
  };
}

function defineContainers(connection: Connection, namespace: string): TableDefinition<Container> {
  const subject = (id: string) => `container ${JSON.stringify(id)}`;
  const missing = (id: string) => `${subject(id)} in namespace ${JSON.stringify(namespace)}`;
  const readSpec = (id: string): object => {
    const row = connection.get(
      "SELECT spec FROM container_specs WHERE namespace = ? AND id = ?",
      namespace,
      id,
    );
    if (!row) throw new CtrError("NotFound", missing(id));
    return parseExactJson(row.spec as string) as object;
  };
  return {
    table: "containers",
    key: "id",
    columns: [
      "image",
      "runtime_name",
      "runtime_options",
      "snapshot_key",
      "snapshotter",
      "labels",
      "extensions",
    ],
    keyOf: ({ id }) => id,
    toValues: ({ image, runtime, snapshotKey, snapshotter, labels, extensions }) => [
      image,
      runtime.name,
      runtime.options ? JSON.stringify(runtime.options) : null,
      snapshotKey,
      snapshotter,
      JSON.stringify(labels),
      JSON.stringify(extensions),
    ],
    fromRow(row, parseJson) {
      const id = row.id as string;
      const options = row.runtime_options as string | null;
      let spec: object | undefined;
      return {
        id,
        image: row.image as string,
        runtime: { name: row.runtime_name as string, ...(options ? { options: parseJson(options) } : {}) },
        get spec() {
          spec ??= readSpec(id);
          return spec;
        },
        snapshotKey: row.snapshot_key as string,
        snapshotter: row.snapshotter as string,
        labels: parseJson(row.labels as string),
        extensions: parseJson(row.extensions as string),
        ...timesOf(row),
      };
    },
    fieldOf({ id, image, runtime, labels }, [field, ...rest]) {
      if (field === "id") return id;
      if (field === "image") return image || undefined;
      if (field === "runtime" && rest[0] === "name") return runtime.name;
      if (field === "labels") return mapField(labels, rest);
      return undefined;
    },
    subject,
    missing,
    validate: validateContainer,
    created: ({ id, image, runtime }) => ["/containers/create", { id, image, runtime: runtimeOf(runtime) }],
    updated: ({ id, image, labels, snapshotKey }) => [
      "/containers/update",
      { id, image, labels, snapshot_key: snapshotKey },
    ],
    deleted: (id) => ["/containers/delete", { id }],
  };
}

function runtimeOf({ name, options }: Container["runtime"]) {
  return { name, options: options && { type_url: options.typeUrl, value: options.value } };
}

function validateContainer(draft: Draft<Container>, previous?: Container): void {
  try {
    validateIdentifier(draft.id);
  } catch (error) {
    throw withSubject("container.ID", error);
  }
  validateLabels(draft.labels, "containers.Labels");
  const complaint = complaintAbout(draft, previous);
  if (complaint) throw new CtrError("InvalidArgument", complaint);
}

function complaintAbout(draft: Draft<Container>, previous?: Container): string | undefined {
  if (previous && draft.snapshotter !== previous.snapshotter)
    return "container.Snapshotter field is immutable";
  if (previous && draft.runtime.name !== previous.runtime.name)
    return "container.Runtime.Name field is immutable";
  if (Object.hasOwn(draft.extensions, "")) return "container.Extension keys must not be zero-length";
  if (!draft.runtime.name) return "container.Runtime.Name must be set";
  if (!draft.spec) return "container.Spec must be set";
  if (draft.snapshotKey && !draft.snapshotter)
    return "container.Snapshotter must be set if container.SnapshotKey is set";
  return undefined;
}
