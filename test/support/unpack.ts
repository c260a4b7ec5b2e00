import { mkdirSync } from "node:fs";
import type { ContentProvider } from "../../src/core/content.ts";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { CtrError } from "../../src/core/errors.ts";
import { chainIds } from "../../src/core/manifest.ts";
import type { Snapshotter } from "../../src/core/snapshotter.ts";
import { openApplier } from "../../src/diff/index.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";
import { openSnapshotter } from "../../src/snapshotters/index.ts";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import { buildLayer, type ImageBlob, type Layer } from "./image.ts";
import type { TarEntry } from "./tar-bytes.ts";
import type { TempDir } from "./temp.ts";
import { listTree, type TreeOptions } from "./tree.ts";

/** Blobs in memory, given in pieces of `pieceBytes`. */
export function contentOf(blobs: readonly ImageBlob[], pieceBytes = 1 << 16): ContentProvider {
  return {
    async reader(digest) {
      const blob = blobs.find(({ descriptor }) => descriptor.digest === digest);
      if (!blob) throw new CtrError("NotFound", `content ${digest}`);
      const bytes = new Uint8Array(await new Blob([blob.data]).arrayBuffer());
      return {
        size: bytes.length,
        read: async (at, length) => bytes.subarray(at, at + length),
        async *stream(at = 0) {
          for (; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
        },
        async [Symbol.asyncDispose]() {},
      };
    },
  };
}

export function asLayer(content: Layer | readonly TarEntry[]): Layer {
  return "descriptor" in content ? content : buildLayer(content);
}

/** Unpacks one layer into a plain directory, made where missing, as a first layer is. */
export async function applyToDirectory(
  directory: string,
  content: Layer | readonly TarEntry[],
): Promise<Descriptor> {
  const layer = asLayer(content);
  mkdirSync(directory, { recursive: true });
  const mount = { type: "bind", source: directory, options: ["rw", "rbind"] };
  const applier = openApplier({ content: contentOf([layer]), mountPlaces: `${directory}.mounts` });
  return applier.apply(layer.descriptor, [mount]);
}

/** A state directory with one namespace's snapshotter. */
export interface SnapshotState extends AsyncDisposable {
  readonly root: string;
  readonly metadata: Metadata;
  readonly snapshotter: Snapshotter;
}

export async function openSnapshotState(
  root: string,
  namespace = "default",
  name = "overlayfs",
): Promise<SnapshotState> {
  const metadata = openMetadata(`${root}/metadata.db`);
  const snapshotter = await openSnapshotter(name, { root, records: metadata.snapshots(namespace, name) });
  return { root, metadata, snapshotter, [Symbol.asyncDispose]: async () => metadata.close() };
}

/** Unpacks the layers over each other and answers the name of the topmost snapshot. */
export async function unpackLayers(
  { root, snapshotter }: SnapshotState,
  contents: readonly (Layer | readonly TarEntry[])[],
): Promise<string> {
  const layers = contents.map(asLayer);
  const differ = openApplier({ content: contentOf(layers), mountPlaces: `${root}/mounts` });
  const names = chainIds(layers.map(({ diffId }) => diffId));
  let parent = "";
  for (const [at, layer] of layers.entries()) {
    const mounts = await snapshotter.prepare(`extract-${at}`, parent);
    await differ.apply(layer.descriptor, mounts);
    await snapshotter.commit(names[at]!, `extract-${at}`);
    parent = names[at]!;
  }
  return parent;
}

/** What a container on top of the snapshot would see. */
async function listSnapshot(
  { snapshotter }: SnapshotState,
  dir: TempDir,
  name: string,
  options: TreeOptions = {},
): Promise<string[]> {
  const key = `view-${crypto.randomUUID()}`;
  const place = dir.join(key);
  mkdirSync(place);
  mountAll(await snapshotter.view(key, name), place);
  try {
    return listTree(place, options);
  } finally {
    unmountAll(place);
    await snapshotter.remove(key);
  }
}

/** Unpacks the layers in a state directory below `dir` and lists what a container would see. */
export async function unpackAndList(
  dir: TempDir,
  contents: readonly (Layer | readonly TarEntry[])[],
  options: TreeOptions = {},
): Promise<string[]> {
  await using state = await openSnapshotState(dir.join(`state-${crypto.randomUUID()}`));
  return listSnapshot(state, dir, await unpackLayers(state, contents), options);
}
