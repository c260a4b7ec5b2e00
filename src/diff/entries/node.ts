import { deviceNumber, mknodAt, S_IFBLK, S_IFCHR, S_IFIFO } from "../../sys/entries.ts";
import type { TarHeader } from "../../tar/header.ts";
import { setAttributesAt } from "../attributes.ts";
import type { Place } from "../unpacking.ts";

const FORMATS = { character: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO };

/** A device or FIFO. Never opened: that could act on the device, or wait for ever. Throws EEXIST. */
export function makeNode(
  { directory, name }: Place,
  header: TarHeader,
  type: "character" | "block" | "fifo",
): void {
  const device = type === "fifo" ? 0 : deviceNumber(header.deviceMajor, header.deviceMinor);
  mknodAt(directory.fd, name, FORMATS[type] | 0o600, device);
  setAttributesAt(directory.fd, name, header, "other");
}
