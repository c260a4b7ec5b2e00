import type { Descriptor } from "../../src/core/descriptor.ts";
import { splitDigest } from "../../src/core/digest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { type BuiltImage, digestOf, type ImageBlob } from "./image.ts";
import { type TarEntry, tarBytes } from "./tar-bytes.ts";

export interface ArchivedImage {
  image: BuiltImage;
  /** Of its entry in index.json. */
  annotations?: Record<string, string>;
}

export const fullName = (name: string): Record<string, string> => ({ "io.containerd.image.name": name });
export const refName = (name: string): Record<string, string> => ({
  "org.opencontainers.image.ref.name": name,
});

export const blobPath = ({ digest }: Pick<Descriptor, "digest">): string => {
  const { algorithm, hex } = splitDigest(digest);
  return `blobs/${algorithm}/${hex}`;
};

export const blobEntry = ({ descriptor, data }: ImageBlob): TarEntry => ({
  path: blobPath(descriptor),
  content: data as Uint8Array,
  mode: 0o444,
});

/** The members of an OCI layout, in the order that the real ctr writes them in. */
export function layoutEntries(archived: readonly ArchivedImage[]): TarEntry[] {
  const blobs = new Map(
    archived.flatMap(({ image }) => image.blobs.map((blob) => [blobPath(blob.descriptor), blob])),
  );
  const manifests = archived.map(({ image, annotations }) => ({ ...image.target, annotations }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return [
    ...[...blobs.keys()].sort().map((path) => blobEntry(blobs.get(path)!)),
    { path: "index.json", content: JSON.stringify(index) },
    { path: "oci-layout", content: JSON.stringify({ imageLayoutVersion: "1.0.0" }) },
  ];
}

export const layoutArchive = (...archived: ArchivedImage[]): Uint8Array => tarBytes(layoutEntries(archived));

export interface SavedImage {
  /** Made in Docker's format, its layers uncompressed for what `docker save` writes itself. */
  image: BuiltImage;
  tags?: readonly string[];
}

/**
 * What `docker save` wrote before version 25: a directory for each layer, named by the image's own id so that layers
 * which images share are links to the first, a config named by its digest, manifest.json and repositories.
 */
export function savedEntries(saved: readonly SavedImage[]): TarEntry[] {
  const entries: TarEntry[] = [];
  const firstPaths = new Map<string, string>();
  const manifests = saved.map(({ image, tags }) => {
    const layers = image.blobs.filter(({ descriptor }) => descriptor.mediaType.includes("diff.tar"));
    const config = image.blobs.find(({ descriptor }) => descriptor.mediaType === mediaTypes.dockerConfig)!;
    const paths = layers.map((layer, at) => {
      const directory = splitDigest(digestOf(`${image.target.digest} ${at}`)).hex;
      const path = `${directory}/layer.tar`;
      const first = firstPaths.get(layer.descriptor.digest);
      entries.push(
        { path: `${directory}/`, type: "directory" },
        { path: `${directory}/VERSION`, content: "1.0" },
        { path: `${directory}/json`, content: `{"id":"${directory}"}` },
        first
          ? { path, type: "symlink", linkTarget: `../${first}` }
          : { path, content: layer.data as Uint8Array },
      );
      if (!first) firstPaths.set(layer.descriptor.digest, path);
      return path;
    });
    const configPath = `${splitDigest(config.descriptor.digest).hex}.json`;
    entries.push({ path: configPath, content: config.data as Uint8Array });
    return { Config: configPath, RepoTags: tags ?? null, Layers: paths };
  });
  return [
    ...entries,
    { path: "manifest.json", content: JSON.stringify(manifests) },
    { path: "repositories", content: "{}" },
  ];
}

export const savedArchive = (...saved: SavedImage[]): Uint8Array => tarBytes(savedEntries(saved));
