/** Media types of OCI and of Docker's schema 2, and what each means to us. A new type is one line here. */
export const mediaTypes = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  ociForeignLayer: "application/vnd.oci.image.layer.nondistributable.v1.tar",
  ociForeignLayerGzip: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  ociForeignLayerZstd: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar",
  dockerForeignLayerGzip: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

/** Parts of a checkpoint's index beside image and layer, with containerd's names (its core/images/mediatypes.go). */
export const checkpointTypes = {
  /** Uncompressed tar of criu's images. */
  memory: "application/vnd.containerd.container.criu.checkpoint.criu.tar",
  /** The runtime spec. */
  config: "application/vnd.containerd.container.checkpoint.config.v1+proto",
  /** How the checkpoint was made. */
  options: "application/vnd.containerd.container.checkpoint.options.v1+proto",
  runtimeOptions: "application/vnd.containerd.container.checkpoint.runtime.options+proto",
} as const;

export type Compression = "none" | "gzip" | "zstd";

const INDEXES: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerIndex];
const MANIFESTS: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];
const CONFIGS: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig];
const LAYER_COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  [mediaTypes.ociLayer, "none"],
  [mediaTypes.ociLayerGzip, "gzip"],
  [mediaTypes.ociLayerZstd, "zstd"],
  [mediaTypes.ociForeignLayer, "none"],
  [mediaTypes.ociForeignLayerGzip, "gzip"],
  [mediaTypes.ociForeignLayerZstd, "zstd"],
  [mediaTypes.dockerLayer, "none"],
  [mediaTypes.dockerLayerGzip, "gzip"],
  [mediaTypes.dockerLayerZstd, "zstd"],
  [mediaTypes.dockerForeignLayer, "none"],
  [mediaTypes.dockerForeignLayerGzip, "gzip"],
]);

const EROFS_LAYER = "application/vnd.erofs.layer.v1";
/** Of a layer that is a filesystem image, and how it is wrapped; containerd's types. Made here, never mounted. */
export const erofsLayerType = (wrapping: "none" | "zstd"): string =>
  wrapping === "none" ? EROFS_LAYER : `${EROFS_LAYER}+${wrapping}`;

export const isIndex = (mediaType: string): boolean => INDEXES.includes(mediaType);
export const isManifest = (mediaType: string): boolean => MANIFESTS.includes(mediaType);
/** What a registry keeps among its manifests, and what an image's name can stand for. */
export const isIndexOrManifest = (mediaType: string): boolean => isIndex(mediaType) || isManifest(mediaType);
export const isConfig = (mediaType: string): boolean => CONFIGS.includes(mediaType);
export const isLayer = (mediaType: string): boolean => LAYER_COMPRESSIONS.has(mediaType);
/** Layers that registries need not hold: fetched from their `urls`, never pushed unless asked for. */
export const isForeignLayer = (mediaType: string): boolean =>
  /\.nondistributable\.|\.foreign\./.test(mediaType) && isLayer(mediaType);

/** How a layer of this type is compressed; undefined when it is no layer type. */
export const layerCompression = (mediaType: string): Compression | undefined =>
  LAYER_COMPRESSIONS.get(mediaType);
