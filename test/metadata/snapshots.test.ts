import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SnapshotRecordStore } from "../../src/core/records.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";
import { fails } from "../suites/record-store.ts";
import { tempDir } from "../support/temp.ts";

const test = suite("snapshot records");

const inStore = (use: (store: SnapshotRecordStore, metadata: Metadata) => void) => () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  use(metadata.snapshots("one", "overlayfs"), metadata);
  metadata.close();
};

function prepare(store: SnapshotRecordStore, key: string, parent = "", chainId = "") {
  return store.create({
    key,
    parent,
    kind: "Active",
    labels: {},
    directoryId: store.nextDirectoryId(),
    chainId,
  });
}

function commitLayer(store: SnapshotRecordStore, name: string, parent = "") {
  prepare(store, `extract-${name}`, parent, name);
  return store.commit(name, `extract-${name}`, { labels: {}, sizeBytes: 4096, inodes: 3 });
}

test(
  "an active one becomes committed under its name, with usage, new labels and no key",
  inStore((store) => {
    prepare(store, "work", "", "sha256:chain");
    store.label("work", { draft: "true" });
    const committed = store.commit("done", "work", { labels: { kept: "true" }, sizeBytes: 10, inodes: 2 });
    assert.equal(store.get("done"), committed);
    const { kind, labels, sizeBytes, inodes, chainId, directoryId } = committed;
    assert.equal(
      [kind, labels, sizeBytes, inodes, chainId, directoryId],
      ["Committed", { kept: "true" }, 10, 2, "sha256:chain", 1],
    );
    assert.throws(() => store.get("work"), fails("NotFound", "snapshot work does not exist: not found"));
  }),
);

test(
  "a chain is listed from the root layer",
  inStore((store) => {
    commitLayer(store, "layer1");
    commitLayer(store, "layer2", "layer1");
    prepare(store, "container", "layer2");
    assert.equal(
      store.chain("container").map(({ key, directoryId }) => [key, directoryId]),
      [
        ["layer1", 1],
        ["layer2", 2],
        ["container", 3],
      ],
    );
    assert.throws(() => store.chain("nothing"), fails("NotFound"));
  }),
);

test(
  "one space of names for keys and names",
  inStore((store) => {
    commitLayer(store, "taken");
    assert.throws(() => prepare(store, "taken"), fails("AlreadyExists", 'snapshot "taken": already exists'));
    prepare(store, "work");
    assert.throws(
      () => store.commit("taken", "work", { labels: {}, sizeBytes: 0, inodes: 0 }),
      fails("AlreadyExists"),
    );
    assert.is(store.get("work").kind, "Active");
  }),
);

test(
  "parents exist and are committed",
  inStore((store) => {
    assert.throws(
      () => prepare(store, "a", "nobody"),
      fails("NotFound", "parent snapshot nobody does not exist: not found"),
    );
    prepare(store, "active");
    assert.throws(() => prepare(store, "b", "active"), fails("FailedPrecondition"));
    assert.equal(
      store.list().map(({ key }) => key),
      ["active"],
    );
  }),
);

test(
  "what is not active cannot be committed",
  inStore((store) => {
    const change = { labels: {}, sizeBytes: 0, inodes: 0 };
    assert.throws(() => store.commit("x", "nothing", change), fails("NotFound"));
    store.create({ key: "v", parent: "", kind: "View", labels: {}, directoryId: 1, chainId: "" });
    assert.throws(
      () => store.commit("x", "v", change),
      fails(
        "FailedPrecondition",
        'failed to commit snapshot: snapshot "v" is not active: failed precondition',
      ),
    );
  }),
);

test(
  "an active snapshot without a parent is put above one, once",
  inStore((store) => {
    commitLayer(store, "base");
    prepare(store, "work");
    assert.throws(() => store.rebase("work", "nobody"), fails("NotFound"));
    assert.throws(() => store.rebase("work", "work"), fails("FailedPrecondition"));
    assert.throws(() => store.rebase("base", "base"), fails("FailedPrecondition"));
    assert.is(store.rebase("work", "base").parent, "base");
    assert.throws(() => store.rebase("work", "base"), fails("FailedPrecondition"));
    assert.throws(() => store.delete("base"), fails("FailedPrecondition"));
  }),
);

test(
  "a snapshot with children stays",
  inStore((store) => {
    commitLayer(store, "base");
    prepare(store, "child", "base");
    assert.throws(
      () => store.delete("base"),
      fails("FailedPrecondition", "cannot remove snapshot with child: failed precondition"),
    );
    assert.equal(store.delete("child"), { directoryId: 2, inUse: false });
    assert.equal(store.delete("base"), { directoryId: 1, inUse: false });
  }),
);

test(
  "another namespace shares a committed layer's directory, by chain ID and snapshotter alone",
  inStore((store, metadata) => {
    const layer = commitLayer(store, "chain1");
    prepare(store, "extract-2", "chain1", "chain2");
    const other = metadata.snapshots("two", "overlayfs");
    assert.is(other.shareable("chain2"), undefined, "not committed yet");
    assert.is(other.shareable(""), undefined);
    assert.is(metadata.snapshots("two", "native").shareable("chain1"), undefined);
    const found = other.shareable("chain1")!;
    const shared = other.share(found, "mine", "", { mine: "true" });
    assert.equal([shared.directoryId, shared.kind, shared.sizeBytes], [layer.directoryId, "Committed", 4096]);
    store.delete("extract-2");
    assert.equal(store.delete("chain1"), { directoryId: 1, inUse: true });
    assert.equal(other.delete("mine"), { directoryId: 1, inUse: false });
    assert.throws(() => other.share(found, "late", "", {}), fails("NotFound"));
  }),
);

test(
  "directory ids are never given out twice, in no namespace and for no snapshotter",
  inStore((store, metadata) => {
    const ids = [store, metadata.snapshots("two", "native"), store].map((each) => each.nextDirectoryId());
    assert.equal(ids, [1, 2, 3]);
  }),
);

test(
  "filters know kind, name, parent and labels",
  inStore((store) => {
    commitLayer(store, "base");
    prepare(store, "work", "base");
    store.label("work", { role: "web" });
    const keys = (filter: string) => store.list([filter]).map(({ key }) => key);
    assert.equal(keys("kind==active"), ["work"]);
    assert.equal(keys("name==base"), ["base"]);
    assert.equal(keys("parent==base"), ["work"]);
    assert.equal(keys("labels.role==web"), ["work"]);
  }),
);

test.run();
