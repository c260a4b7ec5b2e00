import type { Digest } from "./digest.ts";
import type { Platform } from "./platform.ts";

/** What names a blob: OCI image spec, descriptor.md. `size` is in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  platform?: Platform;
  urls?: string[];
  annotations?: Record<string, string>;
  artifactType?: string;
}
