import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";
import { fails } from "../suites/record-store.ts";
import { tempDir } from "../support/temp.ts";

const test = suite("namespaces");
const DIGEST = `sha256:${"a".repeat(64)}` as Digest;

const inMetadata = (use: (metadata: Metadata) => void) => () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  use(metadata);
  metadata.close();
};

test(
  "they are created once, listed in order and have valid names",
  inMetadata((metadata) => {
    const namespaces = metadata.namespaces();
    namespaces.create({ name: "b", labels: { k: "v" } });
    namespaces.create({ name: "a", labels: {} });
    assert.equal(namespaces.list(), [
      { name: "a", labels: {} },
      { name: "b", labels: { k: "v" } },
    ]);
    assert.throws(
      () => namespaces.create({ name: "a", labels: {} }),
      fails("AlreadyExists", 'namespace "a": already exists'),
    );
    assert.throws(() => namespaces.create({ name: "../a", labels: {} }), fails("InvalidArgument"));
    assert.throws(() => metadata.leases("../a").create({}), fails("InvalidArgument"));
  }),
);

test(
  "labels merge, and one of nobody is left alone",
  inMetadata((metadata) => {
    const namespaces = metadata.namespaces();
    namespaces.create({ name: "a", labels: { old: "1", gone: "1" } });
    namespaces.label("a", { gone: "", new: "2" });
    namespaces.label("b", { x: "y" });
    assert.equal(namespaces.list(), [{ name: "a", labels: { old: "1", new: "2" } }]);
  }),
);

test(
  "one goes when it is empty, and says what it still has",
  inMetadata((metadata) => {
    const target = { mediaType: "t", digest: DIGEST, size: 1 };
    metadata.images("a").create({ name: "i", target, labels: {} });
    metadata.content("a").create({ digest: DIGEST, size: 1, labels: {} });
    metadata.containers("a").create({
      ...{ id: "c", image: "", labels: {}, runtime: { name: "r" }, spec: {} },
      ...{ snapshotKey: "", snapshotter: "", extensions: {} },
    });
    for (const name of ["overlayfs", "native"]) {
      metadata
        .snapshots("a", name)
        .create({ key: "k", parent: "", kind: "Active", labels: {}, directoryId: 1, chainId: "" });
    }
    metadata.leases("a").create({ id: "l" });
    const remove = () => metadata.namespaces().delete("a");
    const has = (what: string) =>
      fails(
        "FailedPrecondition",
        `namespace "a" must be empty, but it still has ${what}: failed precondition`,
      );
    assert.throws(
      remove,
      has(
        'images, blobs, containers, snapshots on "native" snapshotter, snapshots on "overlayfs" snapshotter',
      ),
    );
    metadata.images("a").delete("i");
    metadata.containers("a").delete("c");
    metadata.snapshots("a", "native").delete("k");
    assert.throws(remove, has('blobs, snapshots on "overlayfs" snapshotter'));
    metadata.content("a").delete(DIGEST);
    metadata.snapshots("a", "overlayfs").delete("k");
    remove();
    assert.equal(metadata.namespaces().list(), []);
    assert.throws(remove, fails("NotFound", 'namespace "a": not found'));
    assert.equal(metadata.leases("a").list(), []);
  }),
);

test.run();
