import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LeaseStore } from "../../src/core/records.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { fails } from "../suites/record-store.ts";
import { tempDir } from "../support/temp.ts";

const test = suite("leases");
const DIGEST = `sha256:${"a".repeat(64)}`;

const inStore = (use: (leases: LeaseStore, other: LeaseStore) => void) => () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  use(metadata.leases("one"), metadata.leases("two"));
  metadata.close();
};

test(
  "an expiry is a label, whoever sets it",
  inStore((leases) => {
    const expiresAt = new Date("2030-01-02T03:04:05.678Z");
    const lease = leases.create({ id: "a", labels: { purpose: "test" }, expiresAt });
    assert.equal(lease.labels, { purpose: "test", "containerd.io/gc.expire": "2030-01-02T03:04:05.678Z" });
    leases.create({ id: "b", labels: { "containerd.io/gc.expire": "2030-01-02T03:04:05Z" } });
    leases.create({ id: "c", labels: { "containerd.io/gc.expire": "soon" } });
    assert.equal(
      leases.list().map((each) => each.expiresAt?.toISOString()),
      ["2030-01-02T03:04:05.678Z", "2030-01-02T03:04:05.000Z", undefined],
    );
  }),
);

test(
  "ids are made up where none is given, any text where one is, and taken once",
  inStore((leases, other) => {
    assert.not.equal(leases.create({}).id, leases.create({}).id);
    leases.create({ id: "any / text at all" });
    assert.throws(
      () => leases.create({ id: "any / text at all" }),
      fails("AlreadyExists", 'lease "any / text at all": already exists'),
    );
    other.create({ id: "any / text at all" });
  }),
);

test(
  "resources are named once and go with their lease",
  inStore((leases) => {
    leases.create({ id: "a" });
    for (const _ of [1, 2]) leases.addResource("a", { type: "content", id: DIGEST });
    leases.addResource("a", { type: "snapshots/overlayfs", id: "key" });
    leases.addResource("a", { type: "ingests", id: "layer-1" });
    leases.addResource("a", { type: "images", id: "name" });
    assert.equal(
      leases.resources("a").map(({ type }) => type),
      ["content", "images", "ingests", "snapshots/overlayfs"],
    );
    leases.delete("a");
    leases.create({ id: "a" });
    assert.equal(leases.resources("a"), []);
  }),
);

test(
  "what is no resource is refused, and no lease is not found",
  inStore((leases) => {
    leases.create({ id: "a" });
    const add = (type: string, id: string) => () => leases.addResource("a", { type, id });
    assert.throws(add("content", "no digest"), fails("InvalidArgument"));
    assert.throws(add("snapshots", "key"), fails("InvalidArgument"));
    assert.throws(add("snapshots/overlayfs/more", "key"), fails("InvalidArgument"));
    assert.throws(add("tasks", "key"), fails("NotImplemented"));
    const resource = { type: "content", id: DIGEST };
    assert.throws(() => leases.addResource("b", resource), fails("NotFound", 'lease "b": not found'));
    assert.throws(() => leases.resources("b"), fails("NotFound"));
    assert.throws(() => leases.delete("b"), fails("NotFound"));
  }),
);

test(
  "filters know id and labels",
  inStore((leases) => {
    leases.create({ id: "a", labels: { "example.com/x": "1" } });
    leases.create({ id: "b" });
    const ids = (filter: string) => leases.list([filter]).map(({ id }) => id);
    assert.equal(ids("id==b"), ["b"]);
    assert.equal(ids('labels."example.com/x"==1'), ["a"]);
  }),
);

test.run();
