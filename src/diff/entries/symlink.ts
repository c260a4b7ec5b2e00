import { symlinkAt } from "../../sys/entries.ts";
import type { TarHeader } from "../../tar/header.ts";
import { setAttributesAt } from "../attributes.ts";
import type { Place } from "../unpacking.ts";

/** The target is stored as it is: what it means is decided by who follows it, within whose root. Throws EEXIST. */
export function makeSymlink({ directory, name }: Place, header: TarHeader): void {
  symlinkAt(header.linkName, directory.fd, name);
  setAttributesAt(directory.fd, name, header, "link");
}
