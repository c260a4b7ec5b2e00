import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { type Digest, splitDigest } from "../../src/core/digest.ts";
import { type Compression, mediaTypes } from "../../src/core/media-type.ts";
import { hostPlatform, type Platform } from "../../src/core/platform.ts";
import { type TarEntry, tarBytes } from "./tar-bytes.ts";

export type ImageFormat = "oci" | "docker";

export interface ImageBlob {
  descriptor: Descriptor;
  /** Bytes, or a file that holds them. */
  data: Uint8Array<ArrayBuffer> | Blob;
}

export interface Layer extends ImageBlob {
  /** Of the uncompressed archive. */
  diffId: Digest;
}

/** A manifest or an index with everything below it. */
export interface BuiltImage {
  target: Descriptor;
  /** Children before parents, so that pushing in this order satisfies a registry. The target is the last. */
  blobs: ImageBlob[];
}

export interface BuildOptions {
  layers: readonly Layer[];
  /** Runtime settings, with the image spec's capitalized names: `{ Cmd: ["sh"] }`. */
  config?: Readonly<Record<string, unknown>>;
  /** The host's without it. */
  platform?: Platform;
  format?: ImageFormat;
  annotations?: Record<string, string>;
  /** Fields of the image configuration that override the usual ones. */
  imageConfig?: Readonly<Record<string, unknown>>;
}

const LAYER_TYPES = {
  oci: { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd },
  docker: {
    none: mediaTypes.dockerLayer,
    gzip: mediaTypes.dockerLayerGzip,
    zstd: mediaTypes.dockerLayerZstd,
  },
} as const;

export function digestOf(data: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(data).digest("hex")}` as Digest;
}

export function blobOf(mediaType: string, data: Uint8Array | string): ImageBlob {
  const bytes = new Uint8Array(typeof data === "string" ? Buffer.from(data) : data);
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, data: bytes };
}

/** A layer of these entries, or of an archive's raw bytes. */
export function buildLayer(
  content: readonly TarEntry[] | Uint8Array,
  { compression = "gzip", format = "oci" }: { compression?: Compression; format?: ImageFormat } = {},
): Layer {
  const tar = content instanceof Uint8Array ? content : tarBytes(content);
  const compress = { none: (data: Uint8Array) => data, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  return { ...blobOf(LAYER_TYPES[format][compression], compress(tar)), diffId: digestOf(tar) };
}

/** One platform's image. The same input gives the same digests on every machine. */
export function buildImage({
  layers,
  config = {},
  platform,
  format = "oci",
  annotations,
  imageConfig,
}: BuildOptions): BuiltImage {
  const { os, architecture, variant, ...rest } = platform ?? hostPlatform();
  const docker = format === "docker";
  const document = {
    created: "1970-01-01T00:00:00Z",
    architecture,
    variant,
    os,
    ...rest,
    config,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "test" })),
    ...imageConfig,
  };
  const configBlob = blobOf(
    docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    JSON.stringify(document),
  );
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: configBlob.descriptor,
    layers: layers.map((layer) => layer.descriptor),
    annotations,
  };
  const manifestBlob = blobOf(mediaType, JSON.stringify(manifest));
  manifestBlob.descriptor.platform = { os, architecture, ...(variant ? { variant } : {}), ...rest };
  return { target: manifestBlob.descriptor, blobs: [...layers, configBlob, manifestBlob] };
}

/** An index of several images. */
export function buildIndex(
  images: readonly BuiltImage[],
  { format = "oci", annotations }: { format?: ImageFormat; annotations?: Record<string, string> } = {},
): BuiltImage {
  const mediaType = format === "docker" ? mediaTypes.dockerIndex : mediaTypes.ociIndex;
  const manifests = images.map((image) => image.target);
  const index = blobOf(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests, annotations }));
  return { target: index.descriptor, blobs: [...images.flatMap((image) => image.blobs), index] };
}

/** Writes an OCI image layout (image-layout.md), with `name` as the reference name of its only entry. */
export async function writeLayout(image: BuiltImage, directory: string, name?: string): Promise<void> {
  for (const { descriptor, data } of image.blobs) {
    const { algorithm, hex } = splitDigest(descriptor.digest);
    mkdirSync(join(directory, "blobs", algorithm), { recursive: true });
    await Bun.write(join(directory, "blobs", algorithm, hex), data);
  }
  const annotations = name ? { "org.opencontainers.image.ref.name": name } : undefined;
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ ...image.target, annotations }],
  };
  await Bun.write(join(directory, "index.json"), JSON.stringify(index));
  await Bun.write(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}
