import type { Descriptor } from "../../core/descriptor.ts";
import { digestOf } from "../../core/digester.ts";
import { mediaTypes } from "../../core/media-type.ts";

/** What an archive holds: its index, and the images in it. */
export interface ArchiveIndex {
  /** Byte for byte, as it is stored under a name of its own. */
  bytes: Uint8Array;
  entries: readonly Descriptor[];
}

/** The descriptor under which the archive's index is stored. */
export function indexDescriptor({ bytes }: Pick<ArchiveIndex, "bytes">): Descriptor {
  return { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
}
