import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { parseReference } from "../../src/core/reference.ts";

const SHA256 = `sha256:${"a1".repeat(32)}`;
const SHA512 = `sha512:${"a1".repeat(64)}`;
const LONG_TAG = "t".repeat(128);

/** Written so, the reference's name in full. */
const completed: [given: string, name: string][] = [
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["user/app", "docker.io/user/app:latest"],
  ["user/app/part:x", "docker.io/user/app/part:x"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/busybox", "docker.io/library/busybox:latest"],
  ["registry-1.docker.io/library/busybox", "docker.io/library/busybox:latest"],
  ["DOCKER.IO/library/busybox:latest", "docker.io/library/busybox:latest"],
  [`busybox@${SHA256}`, `docker.io/library/busybox@${SHA256}`],
  [`busybox:1@${SHA256}`, `docker.io/library/busybox:1@${SHA256}`],
  ["Registry.Example.COM/app:Tag", "registry.example.com/app:Tag"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest"],
  ["app:5000", "docker.io/library/app:5000"],
  ["127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"],
  ["[::1]:5000/app", "[::1]:5000/app:latest"],
  ["[fe80::1]/app", "[fe80::1]/app:latest"],
  ["host-only:1/a", "host-only:1/a:latest"],
  ["xn--bcher-kva.example/a", "xn--bcher-kva.example/a:latest"],
  ["a.b/c__d/e-f/g--h/i.j_k", "a.b/c__d/e-f/g--h/i.j_k:latest"],
];
for (const [given, name] of completed) {
  test(`${given} is ${name}`, () => {
    const reference = parseReference(given);
    assert.is(reference.name, name);
    assert.is(reference.given, given);
    assert.is(parseReference(name).name, name);
  });
}

const full = [
  "docker.io/library/busybox:latest",
  "quay.io/a/b/c:v1.2_3-4",
  `example.com/a:${LONG_TAG}`,
  `example.com:443/a@${SHA512}`,
  `example.com/a:b@${SHA256}`,
  "a.b/c:_x",
];
for (const name of full) {
  test(`${name} keeps its name`, () => assert.is(parseReference(name).name, name));
}

test("a reference is taken apart", () => {
  const { host, path, tag, digest } = parseReference(`localhost:5000/a/b:c@${SHA256}`);
  assert.equal([host, path, tag, digest], ["localhost:5000", "a/b", "c", SHA256]);
  const bare = parseReference(`example.com/a@${SHA256}`);
  assert.is(bare.tag, undefined);
});

/** The words, and for some the hint, that a bad reference earns. */
const refused: [given: string, words: RegExp, hint?: RegExp][] = [
  ["", /it is empty/, /busybox:latest/],
  [" ", /repository name is malformed/],
  ["a b", /repository name is malformed/],
  ["a\nb", /repository name is malformed/],
  ["a\u0000", /repository name is malformed/],
  ["https://docker.io/busybox", /starts with https:\/\//, /leave out https/],
  ["docker://busybox", /starts with docker:\/\//],
  ["Busybox", /must be lowercase/, /lower case/],
  ["User/app", /must be lowercase/],
  ["example.com/App", /must be lowercase/],
  ["a/", /repository name is malformed/],
  ["/a", /repository name is malformed/],
  ["a//b", /repository name is malformed/],
  ["docker.io/", /repository name is malformed/],
  ["-a", /repository name is malformed/],
  ["a-", /repository name is malformed/],
  ["a..b", /repository name is malformed/],
  ["a___b", /repository name is malformed/],
  ["a._b", /repository name is malformed/],
  ["é", /repository name is malformed/],
  ["a%2fb", /repository name is malformed/],
  ["a?b=c", /repository name is malformed/],
  ["a#b", /repository name is malformed/],
  ["a\\b", /repository name is malformed/],
  ["a:", /tag is malformed/, /1 to 128/],
  ["a:.x", /tag is malformed/],
  ["a:-x", /tag is malformed/],
  ["a:b:c", /tag is malformed/],
  ["a:b c", /tag is malformed/],
  [`a:${LONG_TAG}t`, /tag is malformed/],
  ["a@", /no digest/, /@sha256:/],
  ["a@latest", /no digest/],
  ["a@sha256:abc", /no digest/],
  [`a@md5:${"a".repeat(32)}`, /no digest/],
  [`a@${SHA256.toUpperCase()}`, /no digest/],
  [`a@${SHA256}@${SHA256}`, /no digest/],
  [`@${SHA256}`, /repository name is malformed/],
  ["a1".repeat(32), /64 hexadecimal digits/],
  ["host:0/a", /port/],
  ["host:65536/a", /port/],
  ["host:/a", /port/],
  ["host:x/a", /host is malformed/],
  ["-host.com/a", /host is malformed/],
  ["host..com/a", /host is malformed/],
  ["user@host.com/a", /no digest/],
  ["[::1/a", /host is malformed/],
  ["[::g]/a", /host is malformed/],
  ["[::1]x:5/a", /host is malformed/],
  ["::1/a", /host is malformed/],
  ["127.1/a", /host is malformed/],
  ["0x7f.0.0.1/a", /host is malformed/],
  ["256.1.1.1/a", /host is malformed/],
  [`${"a/".repeat(125)}a`, /not be more than 255/],
];
for (const [given, words, hint] of refused) {
  test(`${JSON.stringify(given).slice(0, 60)} is refused: ${words.source}`, () => {
    try {
      parseReference(given);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, CtrError);
      const { code, message, hint: said } = error as CtrError;
      assert.is(code, "InvalidArgument");
      assert.match(message, words);
      assert.match(message, /^invalid reference "[^\n]*": [^\n]*: invalid argument$/);
      if (hint) assert.match(said ?? "", hint);
    }
  });
}

test("a huge reference is refused quickly and quoted in part", () => {
  try {
    parseReference(`${"a-".repeat(500_000)}!`);
    assert.unreachable();
  } catch (error) {
    assert.ok((error as CtrError).message.length < 500);
  }
});

test.run();
