import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { digestOf } from "../../core/digester.ts";
import { labelNames } from "../../core/labels.ts";
import { checkpointTypes, mediaTypes } from "../../core/media-type.ts";
import { hostPlatform } from "../../core/platform.ts";
import type { Container } from "../../core/records.ts";
import type { Task } from "../../core/task.ts";
import { writeDocument } from "../../images/write-document.ts";
import { encodeCheckpointOptions, encodeRuntimePart, encodeSpecPart } from "../../oci/checkpoint-parts.ts";
import { wantsNetwork } from "../containers/container-network.ts";
import { storeBytes } from "../content/store-bytes.ts";
import { findImage, openImage } from "../images/images.ts";
import type { WorkLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { diffSnapshots } from "../snapshots/diff-snapshots.ts";
import { withWorkspace } from "../workspace.ts";

/** What an index says of its checkpoint; but for the last, the names of containerd's client (client/container.go). */
export const checkpointAnnotations = {
  image: "org.opencontainers.image.ref.name",
  /** The same, where `ctr tasks checkpoint` says it. */
  taskImage: "image.name",
  runtime: "io.containerd.checkpoint.runtime",
  snapshotter: "io.containerd.checkpoint.snapshotter",
  /** Its container was in a network at each start; "cni". */
  network: "ctr.checkpoint.network",
} as const;

/** Gathers a checkpoint of one container: each part becomes a blob, held by the lease, and an entry of the index. */
export class CheckpointParts {
  readonly #manifests: Descriptor[] = [];
  readonly #client: Client;
  readonly #container: Container;
  readonly #lease: WorkLease;

  constructor(client: Client, container: Container, lease: WorkLease) {
    this.#client = client;
    this.#container = container;
    this.#lease = lease;
  }

  async addRuntimeOptions(): Promise<void> {
    const { options } = this.#container.runtime;
    if (options) await this.#addBytes(checkpointTypes.runtimeOptions, encodeRuntimePart(options));
  }

  /** As this platform has it: the others' content may not even be here. */
  async addImage(): Promise<void> {
    const { path } = await openImage(this.#client, await findImage(this.#client, this.#container.image));
    const { mediaType, digest, size } = path.at(-1)!;
    this.#manifests.push({ mediaType, digest, size });
  }

  async addLayer(): Promise<void> {
    const { snapshotKey, snapshotter } = this.#container;
    await diffSnapshots(this.#client, snapshotKey, undefined, { snapshotter }, async (layer) => {
      this.#protect(layer.digest);
      this.#add(layer);
    });
  }

  async addMemory(task: Task, workDir?: string): Promise<void> {
    const differ = await this.#client.differ();
    await withWorkspace(this.#client, async (imageDir) => {
      await task.checkpoint({ imageDir, workDir });
      const tar = await differ.compare([], [{ type: "bind", source: imageDir, options: [] }], {
        mediaType: mediaTypes.ociLayer,
        protect: (digest) => this.#protect(digest),
      });
      this.#add({ ...tar, mediaType: checkpointTypes.memory });
    });
  }

  async addConfig(): Promise<void> {
    await this.#addBytes(checkpointTypes.config, encodeSpecPart(this.#container.spec));
  }

  async addOptions(): Promise<void> {
    await this.#addBytes(checkpointTypes.options, encodeCheckpointOptions());
  }

  /** What was made here may be restored here, whatever its configuration asks for. */
  async writeIndex(more: Readonly<Record<string, string>> = {}): Promise<Descriptor> {
    const { image, runtime, snapshotter } = this.#container;
    const references = this.#manifests.map(({ digest }, at) => [`${labelNames.gcRefContent}.${at}`, digest]);
    const annotations = {
      [checkpointAnnotations.image]: image,
      [checkpointAnnotations.runtime]: runtime.name,
      [checkpointAnnotations.snapshotter]: snapshotter,
      ...(wantsNetwork(this.#container) && { [checkpointAnnotations.network]: "cni" }),
      ...more,
    };
    const { digest, size } = await writeDocument(
      { schemaVersion: 2, manifests: this.#manifests, annotations },
      { ...Object.fromEntries(references), [labelNames.trustedCheckpoint]: "true" },
      { content: await this.#client.content(), protect: (digest) => this.#protect(digest) },
    );
    return { mediaType: mediaTypes.ociIndex, digest, size };
  }

  async #addBytes(mediaType: string, bytes: Buffer): Promise<void> {
    const digest = digestOf(bytes);
    await storeBytes(await this.#client.content(), bytes, digest, (digest) => this.#protect(digest));
    this.#add({ mediaType, digest, size: bytes.length });
  }

  #add({ mediaType, digest, size }: Descriptor): void {
    const { os, architecture } = hostPlatform();
    this.#manifests.push({ mediaType, digest, size, platform: { architecture, os } });
  }

  #protect(digest: Digest): void {
    this.#lease.protect({ type: "content", id: digest });
  }
}
