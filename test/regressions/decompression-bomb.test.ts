import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createGzip } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CtrError } from "../../src/core/errors.ts";
import { freeSpace } from "../../src/sys/storage.ts";
import { buildLayer } from "../support/image.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { tarBytes } from "../support/tar-bytes.ts";
import { openSnapshotState, unpackLayers } from "../support/unpack.ts";

const MEBIBYTE = 1 << 20;

/** Gzip of an archive whose only file has `sizeMebibytes` of zeros: a thousandth of that. */
async function bomb(sizeMebibytes: number): Promise<Uint8Array> {
  const head = Buffer.from(
    tarBytes([{ path: "bomb", pax: { size: `${sizeMebibytes * MEBIBYTE}` } }], { end: false }),
  );
  const gzip = createGzip();
  const packed: Uint8Array[] = [];
  gzip.on("data", (chunk: Uint8Array) => packed.push(chunk));
  const ended = new Promise((done) => gzip.on("end", done));
  gzip.write(head);
  for (let at = 0; at < sizeMebibytes; at++) {
    if (!gzip.write(Buffer.alloc(MEBIBYTE))) await new Promise((done) => gzip.once("drain", done));
  }
  gzip.end();
  await ended;
  return Buffer.concat(packed);
}

test("a small layer that unpacks to more than the disk holds is one clear error, and leaves nothing behind", async () => {
  using dir = memoryDir(48 * MEBIBYTE);
  const { diffId, ...rest } = buildLayer(await bomb(300), { compression: "none" });
  assert.ok(rest.descriptor.size < MEBIBYTE);
  await using state = await openSnapshotState(dir.join("state"));
  await state.snapshotter.prepare("before", "");
  const freeBefore = freeSpace(dir.path).availableBytes;
  let error: CtrError | undefined;
  const memoryBefore = process.memoryUsage.rss();
  await unpackLayers(state, [{ diffId, ...rest }]).catch((reason) => {
    error = reason;
  });
  assert.is(error?.code, "ResourceExhausted", error?.message);
  assert.match(error!.message, /layer entry "bomb".*no space left on device/);
  assert.ok(error!.hint?.includes("disk space"), error!.hint);
  assert.ok(process.memoryUsage.rss() - memoryBefore < 150 * MEBIBYTE);
  await state.snapshotter.remove("extract-0");
  assert.ok(freeSpace(dir.path).availableBytes >= freeBefore - MEBIBYTE);
  writeFileSync(dir.join("room-again"), Buffer.alloc(20 * MEBIBYTE));
});

test("a sparse file larger than the disk takes no room", async () => {
  using dir = memoryDir(48 * MEBIBYTE);
  const pax = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.realsize": `${2 ** 33}`,
    "GNU.sparse.name": "sparse",
  };
  const map = Buffer.alloc(512);
  map.write("1\n4096\n3\n");
  const layer = buildLayer([
    { path: "GNUSparseFile.0/sparse", content: Buffer.concat([map, Buffer.from("abc")]), pax },
  ]);
  await using state = await openSnapshotState(dir.join("state"));
  const top = await unpackLayers(state, [layer]);
  const { sizeBytes } = await state.snapshotter.usage(top);
  assert.ok(sizeBytes < MEBIBYTE, `${sizeBytes}`);
  const [mount] = await state.snapshotter.view("view", top);
  const file = Bun.file(`${mount!.source}/sparse`);
  assert.is(file.size, 2 ** 33);
  assert.is(await file.slice(4094, 4100).text(), "\0\0abc\0");
  assert.equal(readdirSync(mount!.source), ["sparse"]);
  assert.ok(existsSync(mount!.source));
});

test.run();
