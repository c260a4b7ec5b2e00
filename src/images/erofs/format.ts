import type { MkfsOptions } from "./mkfs.ts";

export interface ErofsFormat extends MkfsOptions {
  /** What the filesystem image is wrapped in. */
  wrapping: "none" | "zstd";
}

export interface ErofsConversion extends ErofsFormat {
  /** Where filesystem images are made, one at a time. */
  directory: string;
}
