import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import type { TarHeader } from "../../src/tar/header.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { paddingAfter, tarEndBytes, tarHeaderBytes } from "../../src/tar/writer.ts";
import { type TarEntry, tarBytes } from "../support/tar-bytes.ts";

interface ReadEntry {
  header: TarHeader;
  content: string;
  offsets: number[];
}

function readTar(tar: Uint8Array, pieceBytes = tar.length): ReadEntry[] {
  const reader = new TarReader();
  const entries: ReadEntry[] = [];
  for (let at = 0; at < tar.length; at += pieceBytes) {
    reader.push(tar.subarray(at, at + pieceBytes));
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.kind === "entry") entries.push({ header: event.header, content: "", offsets: [] });
      if (event.kind !== "data") continue;
      entries.at(-1)!.content += Buffer.from(event.bytes).toString("latin1");
      entries.at(-1)!.offsets.push(event.offset);
    }
  }
  reader.finish();
  return entries;
}

function refusal(tar: Uint8Array): string {
  try {
    readTar(tar);
  } catch (error) {
    assert.ok(hasCode(error, "InvalidArgument"), String(error));
    return (error as Error).message;
  }
  throw new Error("read without an error");
}

const one = (entry: TarEntry) => readTar(tarBytes([entry]))[0]!;

test("an archive means the same however it is cut into pieces", () => {
  const tar = tarBytes([
    { path: "a/".repeat(200), type: "directory", mtimeSeconds: 1.5 },
    { path: "file", content: "x".repeat(1500), xattrs: { "user.a": "\0\n=" } },
    { path: "empty" },
    {
      path: "sparse",
      content: `2\n3\n2\n10\n1\n${"\0".repeat(501)}abc`,
      pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "12" },
    },
    { path: "link", type: "hardlink", linkTarget: "l".repeat(300) },
  ]);
  const whole = readTar(tar).map(({ header, content }) => ({ header, content }));
  assert.is(whole.length, 5);
  for (const pieceBytes of [1, 7, 511, 512, 513, 1000]) {
    assert.equal(
      readTar(tar, pieceBytes).map(({ header, content }) => ({ header, content })),
      whole,
      `${pieceBytes}`,
    );
  }
});

test("times before 1970 and after 2038 are exact to the nanosecond", () => {
  const times = {
    "-0.5": [-1, 5e8],
    "-1": [-1, 0],
    "-1.000000001": [-2, 999_999_999],
    "4294967296.123456789": [4_294_967_296, 123_456_789],
    "99999999999.1": [99_999_999_999, 1e8],
    "1.1234567899": [1, 123_456_789],
    "5.": [5, 0],
  };
  for (const [mtime, [seconds, nanoseconds]] of Object.entries(times)) {
    assert.equal(
      one({ path: "f", pax: { mtime, atime: mtime } }).header.modified,
      { seconds, nanoseconds },
      mtime,
    );
    assert.equal(
      one({ path: "f", pax: { mtime, atime: mtime } }).header.accessed,
      { seconds, nanoseconds },
      mtime,
    );
  }
});

test("values of extended attributes are bytes, whoever wrote them", () => {
  const value = Buffer.from([0, 1, 10, 61, 254, 255]);
  assert.equal(one({ path: "f", xattrs: { "security.capability": value } }).header.xattrs, [
    { key: "security.capability", value },
  ]);
  const libarchive = { "LIBARCHIVE.xattr.user.a%20b": value.toString("base64").replace(/=+$/, "") };
  assert.equal(one({ path: "f", pax: libarchive }).header.xattrs, [{ key: "user.a b", value }]);
  const both = { "LIBARCHIVE.xattr.user.x": "AAAA", "SCHILY.xattr.user.x": value };
  assert.equal(one({ path: "f", pax: both }).header.xattrs, [{ key: "user.x", value }]);
});

test("links, devices and directories have no data, whatever their size says", () => {
  for (const type of ["hardlink", "symlink", "directory", "fifo", "character-device"] as const) {
    const tar = Buffer.concat([
      tarBytes([{ path: "odd", type, linkTarget: "x", pax: { size: "1024" } }], { end: false }),
      tarBytes([{ path: "next" }]),
    ]);
    assert.equal(
      readTar(tar).map(({ header }) => header.name.toString()),
      ["odd", "next"],
      type,
    );
  }
});

test("the end may be missing, half there, or followed by anything", () => {
  const open = tarBytes([{ path: "a", content: "x" }], { end: false });
  const ends = [
    Buffer.alloc(0),
    Buffer.alloc(512),
    Buffer.alloc(1024),
    Buffer.concat([Buffer.alloc(1024), Buffer.from("anything\xff")]),
    Buffer.alloc(10_240),
  ];
  for (const end of ends) assert.is(readTar(Buffer.concat([open, end])).length, 1);
  assert.is(readTar(open.subarray(0, 513)).length, 1, "without the last padding");
  assert.is(readTar(new Uint8Array(0)).length, 0);
});

test("what is cut short or damaged is named", () => {
  const tar = Buffer.from(tarBytes([{ path: "first", content: "x".repeat(600) }, { path: "second" }]));
  assert.match(refusal(tar.subarray(0, 700)), /unexpected end in "first"/);
  assert.match(refusal(tar.subarray(0, 100)), /unexpected end/);
  tar[1536] = "S".charCodeAt(0);
  assert.match(refusal(tar), /checksum at "Second"/);
  assert.match(refusal(Buffer.from(`secret:${"x".repeat(600)}`)), /^tar archive: not a tar header/);
  assert.match(refusal(Buffer.concat([Buffer.alloc(512), tarBytes([{ path: "x" }])])), /behind an end block/);
});

test("malformed extended headers are refused", () => {
  const pax = (body: string) => {
    const header = tarHeaderBytes({
      name: Buffer.from("p"),
      type: "file",
      sizeBytes: Buffer.byteLength(body),
    });
    header[156] = "x".charCodeAt(0);
    header.write("        ", 148, "latin1");
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
      "latin1",
    );
    return Buffer.concat([
      header,
      Buffer.from(body),
      paddingAfter(Buffer.byteLength(body)),
      tarBytes([{ path: "f" }]),
    ]);
  };
  for (const body of [
    "",
    "x",
    "9 path=a",
    "99 path=a\n",
    "5 =a\n",
    "-1 a=b\n",
    "0 a=b\n",
    "6 a=b\n\n",
    "8 patha\n",
  ]) {
    if (body === "") assert.is(readTar(pax(body)).length, 1);
    else assert.match(refusal(pax(body)), /PAX header/, body);
  }
  const records: Record<string, string>[] = [
    { mtime: "soon" },
    { uid: "-1" },
    { size: "1e3" },
    { path: "a\0b" },
    { "SCHILY.xattr.": "x" },
  ];
  for (const record of records) {
    assert.match(refusal(tarBytes([{ path: "f", pax: record }])), /tar entry "f"/);
  }
});

test("sparse maps that lie are refused", () => {
  const sparse = (map: string, realsize = "100") =>
    tarBytes([{ path: "f", content: "abc", pax: { "GNU.sparse.map": map, "GNU.sparse.size": realsize } }]);
  assert.equal(readTar(sparse("0,1,50,2"))[0]!.offsets, [0, 50]);
  for (const map of ["0,4", "0,1", "50,1,0,2", "0,2,1,1", "98,3", "0", "a,b", "-1,3"])
    assert.match(refusal(sparse(map)), /tar entry "f"/, map);
  assert.match(
    refusal(sparse(Array.from({ length: 70_000 }, (_, at) => `${at},0`).join(","), "999999")),
    /more than/,
  );
});

test("a global header changes nothing", () => {
  const tar = Buffer.from(tarBytes([{ path: "f", pax: { path: "other", comment: "x" } }]));
  tar[156] = "g".charCodeAt(0);
  const block = tar.subarray(0, 512);
  block.write("        ", 148, "latin1");
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  );
  assert.equal(
    readTar(tar).map(({ header }) => header.name.toString()),
    ["f"],
  );
});

test("what the writer writes, the reader reads", () => {
  const drafts = [
    {
      name: Buffer.from("plain"),
      type: "file",
      mode: 0o4755,
      uid: 1,
      gid: 2,
      sizeBytes: 3,
      modified: { seconds: 12, nanoseconds: 0 },
    },
    {
      name: Buffer.from(`${"n".repeat(200)}\xff`, "latin1"),
      type: "directory",
      mode: 0o1777,
      uid: 4_000_000_000,
      gid: 7,
      sizeBytes: 0,
      modified: { seconds: -3, nanoseconds: 250_000_000 },
    },
    {
      name: Buffer.from("s"),
      type: "symlink",
      linkName: Buffer.from("t".repeat(150)),
      mode: 0o777,
      uid: 0,
      gid: 0,
      sizeBytes: 0,
      modified: { seconds: 9_999_999_999, nanoseconds: 1 },
    },
    {
      name: Buffer.from("d"),
      type: "block",
      mode: 0o600,
      uid: 0,
      gid: 0,
      sizeBytes: 0,
      deviceMajor: 259,
      deviceMinor: 70_000,
      modified: { seconds: 0, nanoseconds: 0 },
    },
    {
      name: Buffer.from("x"),
      type: "file",
      mode: 0,
      uid: 0,
      gid: 0,
      sizeBytes: 0,
      modified: { seconds: -1, nanoseconds: 0 },
      xattrs: [{ key: "user.k", value: Buffer.from([0, 10]) }],
      accessed: { seconds: 5, nanoseconds: 0 },
    },
  ] as const;
  const parts = drafts.flatMap((draft) => [
    tarHeaderBytes(draft),
    draft.sizeBytes > 0 ? Buffer.from("abc") : Buffer.alloc(0),
    paddingAfter(draft.sizeBytes),
  ]);
  const read = readTar(Buffer.concat([...parts, tarEndBytes()]));
  for (const [at, draft] of drafts.entries()) {
    for (const [key, value] of Object.entries(draft))
      assert.equal(read[at]!.header[key as keyof TarHeader], value, key);
  }
  assert.is(read[0]!.content, "abc");
});

test.run();
