import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentStore } from "../../src/content/index.ts";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import type { Mount } from "../../src/core/mount.ts";
import { openDiffer } from "../../src/diff/index.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import { changeOriginal, makeOriginal } from "../fixtures/diff/changes.ts";
import { type Oracle, startOracle } from "../support/containerd.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const TAR = mediaTypes.ociLayer;

type Snapshots = (...words: string[]) => Promise<string>;

async function mountsBy(snapshots: Snapshots, ...words: string[]): Promise<Mount[]> {
  const given = JSON.parse(await snapshots(...words)) as {
    Type: string;
    Source: string;
    Options: string[];
  }[];
  return given.map(({ Type, Source, Options }) => ({ type: Type, source: Source, options: Options }));
}

/** Unlike one that is prepared, a view is nobody's to keep: containerd collects it unless it is told at once. */
async function keptView(snapshots: Snapshots, key: string, parent: string): Promise<Mount[]> {
  const mounts = await mountsBy(snapshots, "view", "--mounts", key, parent);
  await snapshots("label", key, "containerd.io/gc.root=test");
  return mounts;
}

/** Changes what the snapshot shows, and commits it unless it stays active. */
async function layer(
  dir: TempDir,
  snapshots: Snapshots,
  { key, parent, name }: { key: string; parent: string; name?: string },
  change: (root: string) => void,
): Promise<Mount[]> {
  const mounts = await mountsBy(snapshots, "prepare", "--mounts", key, parent);
  const place = dir.join(`at-${key}`);
  mkdirSync(place);
  mountAll(mounts, place);
  try {
    change(place);
  } finally {
    unmountAll(place);
  }
  if (name) await snapshots("commit", name, key);
  return mounts;
}

async function oracleDiff(oracle: Oracle, snapshotter: string, ...words: string[]): Promise<Buffer> {
  const command = [...oracle.command, "snapshots", "--snapshotter", snapshotter, "diff", "--media-type", TAR];
  const [program = "", ...rest] = [...command, ...words];
  return execFileSync(program, rest, { maxBuffer: 1 << 28 });
}

async function ourDiff(
  dir: TempDir,
  lower: Mount[],
  upper: Mount[],
  mediaType: string = TAR,
): Promise<{ bytes: Buffer; descriptor: Descriptor; labels: object }> {
  const root = dir.join(`store-${crypto.randomUUID()}`);
  const metadata = openMetadata(`${root}/metadata.db`);
  const content = openContentStore({ root, namespace: "test", records: metadata.content("test") });
  const descriptor = await openDiffer({ content, mountPlaces: dir.join("mounts") }).compare(lower, upper, {
    mediaType,
  });
  await using reader = await content.reader(descriptor.digest);
  const bytes = Buffer.concat(await Array.fromAsync(reader.stream()));
  const { labels } = await content.info(descriptor.digest);
  metadata.close();
  return { bytes, descriptor, labels };
}

/** The archive without the time of its whiteouts, which containerd takes from the clock; and what is in it. */
function withoutWhiteoutTimes(archive: Buffer): { bytes: Buffer; names: string[] } {
  const bytes = Buffer.from(archive);
  const names: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const name = bytes.toString("latin1", at, bytes.indexOf(0, at));
    const sizeBytes = Number.parseInt(bytes.toString("latin1", at + 124, at + 135), 8) || 0;
    if (name !== "") names.push(`${name} ${bytes.toString("latin1", at + 156, at + 157)}`);
    if (/(^|\/)\.wh\.[^/]*$/.test(name)) bytes.fill(0, at + 136, at + 156);
    at += 512 + Math.ceil(sizeBytes / 512) * 512;
  }
  return { bytes, names };
}

function assertSameArchive(ours: Buffer, theirs: Buffer): string[] {
  const one = withoutWhiteoutTimes(ours);
  const other = withoutWhiteoutTimes(theirs);
  assert.equal(one.names, other.names);
  assert.ok(one.bytes.equals(other.bytes), "the same names, but other bytes");
  return one.names;
}

for (const snapshotter of ["overlayfs", "native"]) {
  test(`layers between ${snapshotter} snapshots are containerd's, byte for byte`, async () => {
    using dir = tempDir();
    await using oracle = await startOracle(dir.path);
    const snapshots: Snapshots = (...words) => oracle.ok("snapshots", "--snapshotter", snapshotter, ...words);
    await layer(dir, snapshots, { key: "k0", parent: "", name: "nothing" }, () => {});
    await layer(dir, snapshots, { key: "k1", parent: "", name: "base" }, makeOriginal);
    await layer(dir, snapshots, { key: "k2", parent: "base", name: "middle" }, (root) => {
      mkdirSync(`${root}/in-the-middle`);
    });
    const active = await layer(dir, snapshots, { key: "k3", parent: "middle" }, changeOriginal);
    const [empty, base, middle] = [
      await keptView(snapshots, "v0", "nothing"),
      await keptView(snapshots, "v1", "base"),
      await keptView(snapshots, "v2", "middle"),
    ];
    const changed = await ourDiff(dir, middle, active);
    const names = assertSameArchive(changed.bytes, await oracleDiff(oracle, snapshotter, "k3"));
    assert.ok(names.length > 60 && names.includes(".wh.gone 0"), names.join("\n"));
    const whole = await ourDiff(dir, empty, active);
    assertSameArchive(whole.bytes, await oracleDiff(oracle, snapshotter, "nothing", "k3"));
    assertSameArchive((await ourDiff(dir, empty, base)).bytes, await oracleDiff(oracle, snapshotter, "base"));
    assertSameArchive(
      (await ourDiff(dir, base, active)).bytes,
      await oracleDiff(oracle, snapshotter, "base", "k3"),
    );
    assertSameArchive(
      (await ourDiff(dir, active, base)).bytes,
      await oracleDiff(oracle, snapshotter, "k3", "base"),
    );
    assert.equal((await ourDiff(dir, base, base)).bytes, Buffer.alloc(1024));
  });
}

test.run();
