import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import type { Announcement } from "../../src/core/events.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";
import { tempDir } from "../support/temp.ts";

const test = suite("events of records");

type Told = [namespace: string, ...Announcement];

/** `told` answers, and forgets, what was published since it was last called. */
const inDatabase = (use: (metadata: Metadata, told: () => Told[]) => void) => () => {
  using dir = tempDir();
  const published: Told[] = [];
  const metadata = openMetadata(dir.join("metadata.db"), {
    publish: (namespace, ...announcement) => void published.push([namespace, ...announcement]),
  });
  use(metadata, () => published.splice(0));
  metadata.close();
};

const digest = `sha256:${"a".repeat(64)}` as Digest;
const target = { mediaType: "m", digest, size: 1 };

test(
  "an image tells that it was created, updated and deleted, with its labels",
  inDatabase((metadata, told) => {
    const images = metadata.images("one");
    images.create({ name: "app", target, labels: { a: "b" } });
    images.update("app", (image) => ({ ...image, labels: {} }));
    images.delete("app");
    assert.equal(told(), [
      ["one", "/images/create", { name: "app", labels: { a: "b" } }],
      ["one", "/images/update", { name: "app", labels: {} }],
      ["one", "/images/delete", { name: "app" }],
    ]);
  }),
);

test(
  "a container tells of its image and runtime, then of labels and snapshot",
  inDatabase((metadata, told) => {
    const containers = metadata.containers("one");
    containers.create({
      id: "web",
      image: "app",
      runtime: { name: "r", options: { typeUrl: "t", value: "dg==" } },
      spec: {},
      snapshotKey: "web",
      snapshotter: "overlayfs",
      labels: {},
      extensions: {},
    });
    containers.update("web", (container) => ({ ...container, labels: { a: "b" } }));
    containers.delete("web");
    const runtime = { name: "r", options: { type_url: "t", value: "dg==" } };
    assert.equal(told(), [
      ["one", "/containers/create", { id: "web", image: "app", runtime }],
      ["one", "/containers/update", { id: "web", image: "app", labels: { a: "b" }, snapshot_key: "web" }],
      ["one", "/containers/delete", { id: "web" }],
    ]);
  }),
);

test(
  "content tells that it came and went, and of its kind where that is known; not of labels",
  inDatabase((metadata, told) => {
    const content = metadata.content("one");
    content.create({ digest, size: 3, labels: {}, mediaType: "text/plain" });
    content.update(digest, (record) => ({ ...record, labels: { a: "b" } }));
    content.delete(digest);
    content.create({ digest, size: 3, labels: {} });
    assert.equal(told(), [
      ["one", "/content/create", { digest, size: 3, mediaType: "text/plain" }],
      ["one", "/content/delete", { digest }],
      ["one", "/content/create", { digest, size: 3, mediaType: undefined }],
    ]);
  }),
);

test(
  "a snapshot tells that it was prepared, committed and removed; a view only that it was removed",
  inDatabase((metadata, told) => {
    const snapshots = metadata.snapshots("one", "native");
    const draft = { parent: "", labels: {}, chainId: "" };
    snapshots.create({ ...draft, key: "work", kind: "Active", directoryId: 1 });
    snapshots.commit("done", "work", { labels: {}, sizeBytes: 1, inodes: 1 });
    snapshots.create({ ...draft, key: "look", kind: "View", parent: "done", directoryId: 2 });
    snapshots.create({ ...draft, key: "more", kind: "Active", parent: "done", directoryId: 3 });
    snapshots.label("more", { a: "b" });
    snapshots.delete("look");
    const snapshotter = "native";
    assert.equal(told(), [
      ["one", "/snapshot/prepare", { key: "work", parent: "", snapshotter }],
      ["one", "/snapshot/commit", { key: "work", name: "done", snapshotter }],
      ["one", "/snapshot/prepare", { key: "more", parent: "done", snapshotter }],
      ["one", "/snapshot/remove", { key: "look", snapshotter }],
    ]);
  }),
);

test(
  "a namespace tells of itself, and of each label that changes",
  inDatabase((metadata, told) => {
    const namespaces = metadata.namespaces();
    namespaces.create({ name: "two", labels: { a: "b" } });
    namespaces.label("two", { a: "", c: "d" });
    namespaces.label("nosuch", { a: "b" });
    namespaces.delete("two");
    assert.equal(told(), [
      ["two", "/namespaces/create", { name: "two", labels: { a: "b" } }],
      ["two", "/namespaces/update", { name: "two", labels: { a: "" } }],
      ["two", "/namespaces/update", { name: "two", labels: { c: "d" } }],
      ["two", "/namespaces/delete", { name: "two" }],
    ]);
  }),
);

test(
  "changes that are one are told of once all are on disk, and not at all when they are undone",
  inDatabase((metadata, told) => {
    const images = metadata.images("one");
    metadata.transaction(() => {
      images.create({ name: "a", target, labels: {} });
      metadata.transaction(() => images.create({ name: "b", target, labels: {} }));
      assert.equal(told(), []);
    });
    assert.equal(
      told().map(([, topic, event]) => [topic, "name" in event && event.name]),
      [
        ["/images/create", "a"],
        ["/images/create", "b"],
      ],
    );
    assert.throws(() =>
      metadata.transaction(() => {
        images.delete("a");
        throw new Error("no");
      }),
    );
    assert.throws(() => images.create({ name: "b", target, labels: {} }));
    assert.throws(() => images.delete("nosuch"));
    images.delete("b");
    assert.equal(told(), [["one", "/images/delete", { name: "b" }]]);
  }),
);

test.run();
