import { checkpointTypes, mediaTypes } from "../../src/core/media-type.ts";
import { encodeRuntimePart, encodeSpecPart } from "../../src/oci/checkpoint-parts.ts";
import { type BuiltImage, blobOf, type ImageBlob } from "./image.ts";
import { type TarEntry, tarBytes } from "./tar-bytes.ts";

export interface CheckpointOptions {
  image: BuiltImage;
  /** An object becomes what containerd would write; bytes are taken as they are. */
  config: object | Uint8Array;
  /** Of criu's archive. */
  memory?: readonly TarEntry[] | Uint8Array;
  runtimeOptions?: { typeUrl: string; value: string };
  annotations?: Record<string, string>;
}

/** A checkpoint as a stranger may write one. */
export function buildCheckpoint({
  image,
  config,
  memory,
  runtimeOptions,
  annotations = {},
}: CheckpointOptions): BuiltImage {
  const spec = config instanceof Uint8Array ? config : encodeSpecPart(config);
  const tar = memory && (memory instanceof Uint8Array ? memory : tarBytes(memory));
  const parts: ImageBlob[] = [
    blobOf(checkpointTypes.config, spec),
    ...(tar ? [blobOf(checkpointTypes.memory, tar)] : []),
    ...(runtimeOptions ? [blobOf(checkpointTypes.runtimeOptions, encodeRuntimePart(runtimeOptions))] : []),
  ];
  const manifests = [image.target, ...parts.map(({ descriptor }) => descriptor)];
  const index = blobOf(mediaTypes.ociIndex, JSON.stringify({ schemaVersion: 2, manifests, annotations }));
  return { target: index.descriptor, blobs: [...image.blobs, ...parts, index] };
}
