import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import type { Labels } from "../../src/core/labels.ts";
import type { Draft, RecordStore } from "../../src/core/records.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";
import { tempDir } from "../support/temp.ts";

interface LabelledRecord {
  labels: Labels;
  createdAt: Date;
  updatedAt: Date;
}

export interface RecordStoreCase<T extends LabelledRecord> {
  open(metadata: Metadata, namespace: string): RecordStore<T>;
  /** A valid record; `seed` is 1 to 9, and ids grow with it. */
  draft(seed: number): Draft<T>;
  idOf(record: Draft<T>): string;
  /** How NotFound and AlreadyExists read for the record of seed 1, in namespace "one". */
  messages: { notFound: string; alreadyExists: string };
  /** Filters that match the record of seed 2 and not that of seed 1. */
  filtersForSecond: readonly string[];
  /** Drafts that must be refused, with the sentence. */
  invalid: readonly (readonly [draft: Draft<T>, message: string])[];
}

/** What images, containers and content rows have in common. */
export function recordStoreSuite<T extends LabelledRecord>(name: string, subject: RecordStoreCase<T>): void {
  const test = suite(name);
  const { draft, idOf } = subject;
  const inStore = (use: (store: RecordStore<T>, metadata: Metadata) => void) => () => {
    using dir = tempDir();
    const metadata = openMetadata(dir.join("metadata.db"));
    try {
      use(subject.open(metadata, "one"), metadata);
    } finally {
      metadata.close();
    }
  };

  test(
    "what was created comes back, with its times",
    inStore((store) => {
      const before = Date.now();
      const created = store.create(draft(1));
      assert.equal(plain(store.get(idOf(draft(1)))), plain(created));
      assert.equal(withoutTimes(created), plain(draft(1)));
      assert.ok(created.createdAt.getTime() >= before && created.createdAt.getTime() <= Date.now());
      assert.equal(created.updatedAt, created.createdAt);
    }),
  );

  test(
    "an id is taken once in a namespace, and free in another",
    inStore((store, metadata) => {
      store.create(draft(1));
      assert.throws(() => store.create(draft(1)), fails("AlreadyExists", subject.messages.alreadyExists));
      subject.open(metadata, "two").create(draft(1));
      subject.open(metadata, "two").delete(idOf(draft(1)));
      assert.is(store.list().length, 1);
    }),
  );

  test(
    "what is not there is not found",
    inStore((store) => {
      const id = idOf(draft(1));
      assert.throws(() => store.get(id), fails("NotFound", subject.messages.notFound));
      assert.throws(() => store.delete(id), fails("NotFound", subject.messages.notFound));
      assert.throws(() => store.update(id, (record) => record), fails("NotFound", subject.messages.notFound));
    }),
  );

  test(
    "reading a namespace does not make it; the first record does",
    inStore((store, metadata) => {
      assert.equal(store.list(), []);
      assert.equal(metadata.namespaces().list(), []);
      store.create(draft(1));
      assert.equal(metadata.namespaces().list(), [{ name: "one", labels: {} }]);
    }),
  );

  test(
    "listings are in id order and filtered",
    inStore((store) => {
      for (const seed of [3, 1, 2]) store.create(draft(seed));
      const ids = (filters?: string[]) => store.list(filters).map((record) => idOf(record));
      assert.equal(
        ids(),
        [1, 2, 3].map((seed) => idOf(draft(seed))),
      );
      for (const filter of subject.filtersForSecond) {
        assert.ok(ids([filter]).includes(idOf(draft(2))), filter);
        assert.not.ok(ids([filter]).includes(idOf(draft(1))), filter);
      }
      assert.equal(ids(["nosuchfield==x"]), []);
      assert.throws(() => ids(["labels."]), fails("InvalidArgument"));
    }),
  );

  test(
    "an update keeps the creation's time and moves the other",
    inStore((store) => {
      const created = store.create(draft(1));
      const updated = store.update(idOf(draft(1)), (record) => ({ ...record, labels: { changed: "yes" } }));
      assert.equal(updated.labels, { changed: "yes" });
      assert.equal(updated.createdAt, created.createdAt);
      assert.ok(updated.updatedAt >= created.updatedAt);
      assert.equal(plain(store.get(idOf(draft(1)))), plain(updated));
    }),
  );

  test(
    "an update that throws changes nothing, and an id stays",
    inStore((store) => {
      const created = store.create(draft(1));
      const id = idOf(draft(1));
      assert.throws(
        () =>
          store.update(id, () => {
            throw new Error("thought better of it");
          }),
        /thought better/,
      );
      assert.throws(() => store.update(id, () => draft(2)), fails("InvalidArgument"));
      assert.equal(plain(store.get(id)), plain(created));
    }),
  );

  test(
    "a transaction that throws undoes all of it",
    inStore((store, metadata) => {
      assert.throws(() =>
        metadata.transaction(() => {
          store.create(draft(1));
          metadata.transaction(() => store.create(draft(2)));
          throw new Error("no");
        }),
      );
      assert.equal(store.list(), []);
      assert.equal(metadata.namespaces().list(), []);
    }),
  );

  test(
    "labels are bounded and records validated",
    inStore((store, metadata) => {
      const tooLong = { ...draft(1), labels: { k: "v".repeat(4096) } };
      assert.throws(() => store.create(tooLong), fails("InvalidArgument"));
      for (const [bad, message] of subject.invalid) {
        assert.throws(() => store.create(bad), fails("InvalidArgument", message));
      }
      assert.equal(metadata.namespaces().list(), []);
    }),
  );

  test.run();
}

export function fails(code: Parameters<typeof hasCode>[1], message?: string) {
  return (error: unknown) => {
    if (!hasCode(error, code)) throw error;
    if (message !== undefined) assert.is(error.message, message);
    return true;
  };
}

/** Getters become values, so that records compare by what they say. */
function plain(record: object): unknown {
  return JSON.parse(JSON.stringify(record));
}

function withoutTimes(record: LabelledRecord): unknown {
  const { createdAt: _, updatedAt: __, ...rest } = record;
  return plain(rest);
}
