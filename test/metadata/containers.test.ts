import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseExactJson } from "../../src/core/exact-json.ts";
import type { Container, Draft } from "../../src/core/records.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { fails, recordStoreSuite } from "../suites/record-store.ts";
import { tempDir } from "../support/temp.ts";

const draft = (seed: number): Draft<Container> => ({
  id: `container-${seed}`,
  image: seed === 1 ? "" : `image-${seed}`,
  runtime: {
    name: seed === 2 ? "io.containerd.runc.v2" : "other",
    options: { typeUrl: "containerd.runc.v1.Options", value: "CAE=" },
  },
  spec: { ociVersion: "1.0.2", process: { args: ["sh", String(seed)] } },
  snapshotKey: `container-${seed}`,
  snapshotter: "overlayfs",
  labels: seed === 2 ? { role: "web" } : {},
  extensions: { "example.com/extra": { typeUrl: "example.com/Extra" } },
});

recordStoreSuite("container store", {
  open: (metadata, namespace) => metadata.containers(namespace),
  draft,
  idOf: ({ id }) => id,
  messages: {
    notFound: 'container "container-1" in namespace "one": not found',
    alreadyExists: 'container "container-1": already exists',
  },
  filtersForSecond: ["id==container-2", "image==image-2", "image", "runtime.name~=runc", "labels.role==web"],
  invalid: [
    [{ ...draft(1), labels: { "": "v" } }, 'containers.Labels: label "=v" has no key: invalid argument'],
    [{ ...draft(1), id: "" }, "container.ID: identifier must not be empty: invalid argument"],
    [{ ...draft(1), runtime: { name: "" } }, "container.Runtime.Name must be set: invalid argument"],
    [
      { ...draft(1), snapshotter: "" },
      "container.Snapshotter must be set if container.SnapshotKey is set: invalid argument",
    ],
    [
      { ...draft(1), extensions: { "": { typeUrl: "x" } } },
      "container.Extension keys must not be zero-length: invalid argument",
    ],
  ],
});

test("runtime and snapshotter of a container stay as they are", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  const containers = metadata.containers("one");
  containers.create(draft(1));
  const update = (change: Partial<Draft<Container>>) =>
    containers.update("container-1", (record) => ({ ...record, ...change }));
  assert.throws(
    () => update({ snapshotter: "native" }),
    fails("InvalidArgument", "container.Snapshotter field is immutable: invalid argument"),
  );
  assert.throws(
    () => update({ runtime: { name: "x" } }),
    fails("InvalidArgument", "container.Runtime.Name field is immutable: invalid argument"),
  );
  metadata.close();
});

test("64-bit numbers of a spec stay exact, also through an update", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  const containers = metadata.containers("one");
  const text = '{"process":{"rlimits":[{"type":"RLIMIT_CORE","hard":18446744073709551615,"soft":0}]}}';
  containers.create({ ...draft(1), spec: parseExactJson(text) as object });
  containers.update("container-1", (record) => ({ ...record, labels: { a: "1" } }));
  assert.is(JSON.stringify(containers.get("container-1").spec), text);
  metadata.close();
});

test("a listed container's spec is read when looked at, and changes with an update", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  const containers = metadata.containers("one");
  containers.create(draft(1));
  containers.update("container-1", (record) => ({ ...record, spec: { ociVersion: "1.1.0" } }));
  const [listed] = containers.list();
  assert.equal(listed?.spec, { ociVersion: "1.1.0" });

  const [gone] = containers.list();
  containers.delete("container-1");
  assert.throws(() => gone?.spec, fails("NotFound"));
  metadata.close();
});

test.run();
