import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import type { ContentRecord, Draft } from "../../src/core/records.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { recordStoreSuite } from "../suites/record-store.ts";
import { tempDir } from "../support/temp.ts";

const digestOf = (seed: number) => `sha256:${String(seed).repeat(64)}` as Digest;
const draft = (seed: number): Draft<ContentRecord> => ({
  digest: digestOf(seed),
  size: seed * 1000,
  labels: seed === 2 ? { kept: "true" } : {},
});

recordStoreSuite("content records", {
  open: (metadata, namespace) => metadata.content(namespace),
  draft,
  idOf: ({ digest }) => digest,
  messages: {
    notFound: `content digest ${digestOf(1)}: not found`,
    alreadyExists: `content digest ${digestOf(1)}: already exists`,
  },
  filtersForSecond: [`digest==${digestOf(2)}`, "labels.kept", "labels.kept==true"],
  invalid: [
    [
      { ...draft(1), digest: "sha256:../../etc" as Digest },
      'invalid checksum digest format "sha256:../../etc": invalid argument',
    ],
  ],
});

test("a row of any namespace is found by its digest", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  assert.is(metadata.content("one").inAnyNamespace(digestOf(1)), undefined);
  metadata.content("two").create(draft(1));
  assert.is(metadata.content("one").inAnyNamespace(digestOf(1))?.size, 1000);
  assert.equal(metadata.content("one").list(), []);
  metadata.close();
});

test.run();
