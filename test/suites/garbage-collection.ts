import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../src/content/index.ts";
import type { Collected, SnapshotSweeper } from "../../src/core/collector.ts";
import type { ContentStore } from "../../src/core/content.ts";
import type { Digest } from "../../src/core/digest.ts";
import type { Labels } from "../../src/core/labels.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { openContent } from "../support/content.ts";
import { tempDir } from "../support/temp.ts";
import { add, fileOf, sha256 } from "./content-store.ts";

/** A state directory with one namespace at work; a second is opened by its name. */
export interface CollectionScene {
  root: string;
  metadata: Metadata;
  content: ContentStore;
  /** Content made of the text, labelled. */
  blob(text: string, labels?: Labels): Promise<Digest>;
  /** Labels of an index or manifest that refers to these. */
  refersTo(...digests: Digest[]): Labels;
  image(name: string, target: Digest, labels?: Labels): void;
  container(id: string, snapshotKey: string, labels?: Labels): void;
  /** With its directory. */
  snapshot(key: string, options?: { parent?: string; labels?: Labels; isCommitted?: boolean }): number;
  collect(): Promise<Collected>;
  blobsOnDisk(): Promise<string[]>;
  /** Keys of snapshots that have a row, and ids of directories on disk. */
  snapshotsLeft(): { keys: string[]; directories: number[] };
}

export interface DirectoryKeeper extends SnapshotSweeper {
  make(directoryId: number): void;
}

const TYPE = "application/vnd.oci.image.manifest.v1+json";

/** containerd's rules, and what is left on disk after them. */
export function garbageCollectionSuite(
  name: string,
  snapshotter: string,
  openDirectories: (root: string) => DirectoryKeeper,
): void {
  const test = suite(name);

  const onScene = (use: (scene: CollectionScene) => Promise<void>) => async () => {
    using dir = tempDir();
    using content = openContent(dir.path, "one");
    await use(createScene(dir.path, content, snapshotter, openDirectories(dir.path)));
  };

  test(
    "an image keeps its target and all it refers to; what nothing refers to goes, rows and bytes",
    onScene(async (scene) => {
      const config = await scene.blob("config");
      const layer = await scene.blob("layer");
      const manifest = await scene.blob("manifest", scene.refersTo(config, layer));
      scene.image("kept", manifest);
      const orphan = await scene.blob("orphan");
      const { content, blobs, sizeBytes } = await scene.collect();
      assert.equal({ content, blobs, sizeBytes }, { content: 1, blobs: 1, sizeBytes: "orphan".length });
      assert.equal(await scene.blobsOnDisk(), [config, layer, manifest].sort());
      assert.not.ok(existsSync(fileOf(scene.root, orphan)));

      scene.metadata.images("one").delete("kept");
      assert.is((await scene.collect()).blobs, 3);
      assert.equal(await scene.blobsOnDisk(), []);
    }),
  );

  test(
    "references are named after a dot or a slash, and nothing else is one",
    onScene(async (scene) => {
      const kept = await Promise.all(["a", "b", "c"].map((text) => scene.blob(text)));
      const lost = await scene.blob("lost");
      const target = await scene.blob("manifest", {
        "containerd.io/gc.ref.content": kept[0]!,
        "containerd.io/gc.ref.content.l.0": kept[1]!,
        "containerd.io/gc.ref.content/any": kept[2]!,
        "containerd.io/gc.ref.contents": lost,
        "example.com/gc.ref.content": lost,
      });
      scene.image("i", target);
      await scene.collect();
      assert.equal(await scene.blobsOnDisk(), [...kept, target].sort());
    }),
  );

  test(
    "content and snapshots labelled as roots stay, with what they refer to",
    onScene(async (scene) => {
      const child = await scene.blob("child");
      const root = await scene.blob("root", {
        "containerd.io/gc.root": "2026-01-01T00:00:00Z",
        ...scene.refersTo(child),
      });
      scene.snapshot("base", { isCommitted: true });
      scene.snapshot("pinned", {
        parent: "base",
        labels: { "containerd.io/gc.root": "now", "containerd.io/gc.ref.content": child },
      });
      scene.snapshot("loose");
      await scene.collect();
      assert.equal(await scene.blobsOnDisk(), [child, root].sort());
      assert.equal(scene.snapshotsLeft(), { keys: ["base", "pinned"], directories: [1, 2] });
    }),
  );

  test(
    "a container keeps its snapshot with all its parents, and no image",
    onScene(async (scene) => {
      scene.snapshot("layer1", { isCommitted: true });
      scene.snapshot("layer2", { parent: "layer1", isCommitted: true });
      scene.snapshot("work", { parent: "layer2" });
      scene.snapshot("sibling", { parent: "layer2" });
      scene.container("c", "work");
      const { snapshots, directories } = await scene.collect();
      assert.equal([snapshots, directories], [1, 1]);
      assert.equal(scene.snapshotsLeft(), { keys: ["layer1", "layer2", "work"], directories: [1, 2, 3] });
      scene.metadata.containers("one").delete("c");
      await scene.collect();
      assert.equal(scene.snapshotsLeft(), { keys: [], directories: [] });
    }),
  );

  test(
    "content keeps the snapshot it was unpacked to, images and containers what their labels name",
    onScene(async (scene) => {
      for (const key of ["unpacked", "by-image", "by-container", "lost"])
        scene.snapshot(key, { isCommitted: true });
      const reference = (key: string, name = "") => ({
        [`containerd.io/gc.ref.snapshot.${snapshotter}${name}`]: key,
      });
      const config = await scene.blob("config", reference("unpacked", "/first"));
      scene.image("i", config, reference("by-image"));
      scene.container("c", "", reference("by-container"));
      await scene.collect();
      assert.equal(scene.snapshotsLeft().keys, ["by-container", "by-image", "unpacked"]);
    }),
  );

  test(
    "a lease holds what it names, labels followed, until it expires or is deleted",
    onScene(async (scene) => {
      const layer = await scene.blob("layer");
      const manifest = await scene.blob("manifest", scene.refersTo(layer));
      scene.snapshot("work");
      const leases = scene.metadata.leases("one");
      leases.create({ id: "forever" });
      leases.addResource("forever", { type: "content", id: manifest });
      leases.create({ id: "expired", expiresAt: new Date(Date.now() - 1) });
      leases.addResource("expired", { type: "content", id: await scene.blob("too late") });
      leases.create({ id: "running", expiresAt: new Date(Date.now() + 60_000) });
      leases.addResource("running", { type: `snapshots/${snapshotter}`, id: "work" });
      assert.is((await scene.collect()).leases, 1);
      assert.equal(
        leases.list().map(({ id }) => id),
        ["forever", "running"],
      );
      assert.equal(await scene.blobsOnDisk(), [layer, manifest].sort());
      assert.equal(scene.snapshotsLeft(), { keys: ["work"], directories: [1] });
      leases.delete("forever");
      leases.delete("running");
      await scene.collect();
      assert.equal([await scene.blobsOnDisk(), scene.snapshotsLeft().keys], [[], []]);
    }),
  );

  test(
    "a flat lease holds what it names and a snapshot's parents, but follows no labels",
    onScene(async (scene) => {
      const layer = await scene.blob("layer");
      const manifest = await scene.blob("manifest", scene.refersTo(layer));
      scene.snapshot("base", { isCommitted: true });
      scene.snapshot("work", { parent: "base" });
      const leases = scene.metadata.leases("one");
      leases.create({ id: "flat", labels: { "containerd.io/gc.flat": "true" } });
      leases.addResource("flat", { type: "content", id: manifest });
      leases.addResource("flat", { type: `snapshots/${snapshotter}`, id: "work" });
      await scene.collect();
      assert.equal(await scene.blobsOnDisk(), [manifest]);
      assert.equal(scene.snapshotsLeft().keys, ["base", "work"]);
    }),
  );

  test(
    "an image may expire, unless something else holds it",
    onScene(async (scene) => {
      const [gone, held] = [await scene.blob("gone"), await scene.blob("held")];
      const expired = { "containerd.io/gc.expire": "2020-01-01T00:00:00Z" };
      scene.image("gone", gone, expired);
      scene.image("held", held, expired);
      scene.metadata.leases("one").create({ id: "l" });
      scene.metadata.leases("one").addResource("l", { type: "images", id: "held" });
      assert.is((await scene.collect()).images, 1);
      assert.equal(
        scene.metadata
          .images("one")
          .list()
          .map((image) => image.name),
        ["held"],
      );
      assert.equal(await scene.blobsOnDisk(), [held]);
    }),
  );

  test(
    "a child may name its parent",
    onScene(async (scene) => {
      const parent = await scene.blob("manifest");
      scene.image("i", parent);
      const child = await scene.blob("attestation", { "containerd.io/gc.bref.content.subject": parent });
      const byImage = await scene.blob("note", { "containerd.io/gc.bref.image": "i" });
      await scene.blob("stray", { "containerd.io/gc.bref.image": "nobody" });
      await scene.collect();
      assert.equal(await scene.blobsOnDisk(), [parent, child, byImage].sort());
    }),
  );

  test(
    "namespaces are apart: one's reference saves nothing of the other's, shared bytes go with the last",
    onScene(async (scene) => {
      using two = openContent(scene.root, "two");
      const digest = await scene.blob("shared");
      await add(two, Buffer.from("shared"));
      scene.image("i", digest);
      assert.is((await scene.collect()).content, 1);
      assert.equal(await Array.fromAsync(two.walk()), []);
      assert.ok(await scene.content.verify(digest));
    }),
  );

  test(
    "litter of killed processes goes: bytes without a row, directories without a row",
    onScene(async (scene) => {
      const litter = fileOf(scene.root, sha256(Buffer.from("litter")));
      mkdirSync(dirname(litter), { recursive: true });
      writeFileSync(litter, "litter");
      scene.snapshot("dropped");
      scene.metadata.snapshots("one", snapshotter).delete("dropped");
      const { blobs, directories, content, snapshots } = await scene.collect();
      assert.equal([blobs, directories, content, snapshots], [1, 1, 0, 0]);
      assert.not.ok(existsSync(litter));
      assert.equal(scene.snapshotsLeft().directories, []);
    }),
  );

  test(
    "an ingest stays while it is written, leased or young",
    onScene(async (scene) => {
      const old = new Date(Date.now() - 25 * 3_600_000);
      const writers = [];
      for (const ref of ["young", "old", "leased", "written"]) {
        const writer = await scene.content.writer(ref);
        await writer.write(Buffer.from("four"));
        if (ref === "written") writers.push(writer);
        else await writer[Symbol.asyncDispose]();
      }
      for (const id of readdirSync(join(scene.root, "content/ingest"))) {
        const directory = join(scene.root, "content/ingest", id);
        const isYoung = (await Bun.file(join(directory, "ref")).text()) === "young";
        if (!isYoung) for (const file of ["ref", "data"]) utimesSync(join(directory, file), old, old);
      }
      scene.metadata.leases("one").create({ id: "l" });
      scene.metadata.leases("one").addResource("l", { type: "ingests", id: "leased" });
      const { ingests, sizeBytes } = await scene.collect();
      assert.equal([ingests, sizeBytes], [1, 4]);
      const left = (await scene.content.ingests()).map(({ ref }) => ref).sort();
      assert.equal(left, ["leased", "written", "young"]);
      for (const writer of writers) await writer[Symbol.asyncDispose]();
    }),
  );

  test(
    "an ingest goes with the lease that held it, whatever its age, unless it is written or another holds it",
    onScene(async (scene) => {
      const leases = scene.metadata.leases("one");
      leases.create({ id: "over", expiresAt: new Date(Date.now() - 1) });
      leases.create({ id: "running" });
      const refs = ["released", "shared", "written"];
      leases.addResource("over", ...refs.map((id) => ({ type: "ingests", id })));
      leases.addResource("running", { type: "ingests", id: "shared" });
      for (const ref of ["released", "shared"]) {
        await using writer = await scene.content.writer(ref);
        await writer.write(Buffer.from("four"));
      }
      await using _ = await scene.content.writer("written");
      using two = openContent(scene.root, "two");
      await using __ = await two.writer("released");
      const { leases: ended, ingests, sizeBytes } = await scene.collect();
      assert.equal([ended, ingests, sizeBytes], [1, 1, 4]);
      const left = (await scene.content.ingests()).map(({ ref }) => ref).sort();
      assert.equal(left, ["shared", "written"]);
      assert.is((await two.ingests()).length, 1);
    }),
  );

  test.run();
}

function createScene(
  root: string,
  content: ContentStore & { metadata: Metadata },
  snapshotter: string,
  directories: DirectoryKeeper,
): CollectionScene {
  const { metadata } = content;
  const snapshots = metadata.snapshots("one", snapshotter);
  const sweeper = openContentSweeper(root);
  return {
    root,
    metadata,
    content,
    blob: (text, labels) => add(content, Buffer.from(text), { ref: text, labels: { ...labels } }),
    refersTo: (...digests) =>
      Object.fromEntries(digests.map((digest, index) => [`containerd.io/gc.ref.content.${index}`, digest])),
    image(imageName, digest, labels = {}) {
      const target = { mediaType: TYPE, digest, size: 1 };
      metadata.images("one").create({ name: imageName, target, labels });
    },
    container: (id, snapshotKey, labels = {}) =>
      void metadata.containers("one").create({
        ...{ id, image: "", labels, runtime: { name: "r" }, spec: {}, extensions: {} },
        ...{ snapshotKey, snapshotter: snapshotKey && snapshotter },
      }),
    snapshot(key, { parent = "", labels = {}, isCommitted = false } = {}) {
      const directoryId = snapshots.nextDirectoryId();
      directories.make(directoryId);
      const draft = { parent, kind: "Active", labels, directoryId, chainId: "" } as const;
      snapshots.create({ ...draft, key: isCommitted ? `making ${key}` : key });
      if (isCommitted) snapshots.commit(key, `making ${key}`, { labels, sizeBytes: 0, inodes: 0 });
      return directoryId;
    },
    collect: () => metadata.collectGarbage({ root, content: sweeper, snapshotters: [directories] }),
    blobsOnDisk: async () => (await sweeper.blobs()).sort(),
    snapshotsLeft: () => ({
      keys: snapshots.list().map(({ key }) => key),
      directories: readdirSync(join(root, "snapshots", snapshotter))
        .map(Number)
        .sort(),
    }),
  };
}
