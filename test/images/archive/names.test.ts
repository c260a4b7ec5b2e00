import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../../src/core/descriptor.ts";
import { mediaTypes } from "../../../src/core/media-type.ts";
import { linkedName, memberName } from "../../../src/images/archive/members.ts";
import { annotationsFor, familiarName, isNameless, namesOf } from "../../../src/images/archive/names.ts";
import { fullName, refName } from "../../support/archive.ts";
import { digestOf } from "../../support/image.ts";

const digest = digestOf("image");
const entry = (annotations?: Record<string, string>): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest,
  size: 1,
  annotations,
});
const plain = { base: "base", isFilter: false, digests: false, skipDigestForNamed: false };

test("names come from containerd's annotation, else from OCI's", () => {
  const cases: [Record<string, string> | undefined, Partial<typeof plain>, string[]][] = [
    [fullName("a.io/b:1"), {}, ["a.io/b:1"]],
    [{ ...fullName("a.io/b:1"), ...refName("2") }, {}, ["a.io/b:1"]],
    [refName("2"), {}, ["base:2"]],
    [refName("a.io/b:2"), {}, ["a.io/b:2"]],
    [refName("base/b:2"), { isFilter: true }, ["base/b:2"]],
    [refName("based/b:2"), { isFilter: true }, []],
    [refName("base"), { isFilter: true }, ["base:base"]],
    [undefined, {}, []],
    [undefined, { digests: true }, [`base@${digest}`]],
    [refName("2"), { digests: true }, ["base:2", `base@${digest}`]],
    [refName("2"), { digests: true, skipDigestForNamed: true }, ["base:2"]],
    [refName("a/b"), { digests: true, skipDigestForNamed: true, isFilter: true }, [`base@${digest}`]],
  ];
  for (const [annotations, naming, names] of cases) {
    assert.equal(
      namesOf(entry(annotations), { ...plain, ...naming }),
      names,
      JSON.stringify([annotations, naming]),
    );
  }
});

test("names that could do harm are refused", () => {
  for (const name of ["a\nb", "a b", "\u001b[2J", "a\u202eb", "x".repeat(2000)]) {
    assert.throws(
      () => namesOf(entry(fullName(name)), plain),
      /^image name ".*" in the archive: invalid argument$/,
    );
  }
});

test("an attestation needs no name", () => {
  assert.ok(isNameless(entry()));
  assert.not.ok(isNameless(entry(refName("1"))));
  assert.not.ok(isNameless({ ...entry(), platform: { os: "unknown", architecture: "unknown" } }));
  assert.not.ok(isNameless({ ...entry(), mediaType: "application/json" }));
});

test("what a reader of tags alone is told", () => {
  const cases = {
    "docker.io/library/app:1": "1",
    "localhost:5000/app:1": "1",
    "localhost:5000/app": "localhost:5000/app",
    [`example.org/app@${digest}`]: `@${digest}`,
    [`example.org/app:1@${digest}`]: `1@${digest}`,
    "app:1": "1",
    app: "app",
  };
  for (const [name, tag] of Object.entries(cases)) {
    assert.is(annotationsFor(name)["org.opencontainers.image.ref.name"], tag, name);
  }
});

test("what Docker calls an image", () => {
  const cases = {
    "docker.io/library/app:1": "app:1",
    "docker.io/team/app:1": "team/app:1",
    "localhost:5000/app:1": "localhost:5000/app:1",
    app: "app:latest",
    [`docker.io/library/app@${digest}`]: `app@${digest}`,
    "NO REFERENCE": "NO REFERENCE",
  };
  for (const [name, shown] of Object.entries(cases)) assert.is(familiarName(name), shown);
});

test("members' names stay inside of the archive", () => {
  const name = (text: string) => memberName(Buffer.from(text));
  assert.is(name("./blobs//sha256/x/"), "blobs/sha256/x");
  for (const bad of ["..", "a/../b", "/a", "x".repeat(600)])
    assert.throws(() => name(bad), /outside of an archive/);
  const link = (from: string, to: string) => linkedName(from, Buffer.from(to), "symlink");
  assert.is(link("a/layer.tar", "../b/layer.tar"), "b/layer.tar");
  assert.is(linkedName("a/layer.tar", Buffer.from("b/layer.tar"), "hardlink"), "b/layer.tar");
  for (const bad of ["../../b", "/etc/passwd", "../b/../../c"]) {
    assert.throws(() => link("a/layer.tar", bad), /outside of an archive/);
  }
});

test.run();
