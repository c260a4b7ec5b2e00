/** How overlayfs marks what it hides: the kernel's overlayfs.rst, "whiteouts and opaque directories". */
import { S_IFCHR, S_IFMT } from "../sys/entries.ts";
import type { FileStat } from "../sys/stat.ts";

/** Extended attribute of a directory, with this value: nothing shows through it. */
export const OPAQUE = "trusted.overlay.opaque";
export const OPAQUE_YES = Buffer.from("y");

/** A character device 0:0, which overlayfs takes for "not here, nor below". */
export function isWhiteout({ mode, nodeMajor, nodeMinor }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFCHR && nodeMajor === 0 && nodeMinor === 0;
}
