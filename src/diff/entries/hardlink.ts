import { CtrError } from "../../core/errors.ts";
import { linkAt } from "../../sys/entries.ts";
import { hasErrno } from "../../sys/errno.ts";
import { isLink, isRegularFile, isSameFile } from "../../sys/stat.ts";
import type { TarHeader } from "../../tar/header.ts";
import { setAttributesAt } from "../attributes.ts";
import { asName, type BytePath, baseOf, cleanPath, parentOf, quotePath } from "../byte-path.ts";
import { copyUp } from "../copy-up.ts";
import type { Directory } from "../layer-tree.ts";
import { ensureDirectory } from "../parents.ts";
import type { Place, Unpacking } from "../unpacking.ts";
import { isWhiteout } from "../whiteout-marks.ts";

/**
 * One more name for an entry of this layer, or for one of a layer below, which is copied up first. The entry's own
 * attributes apply to the file, and so to all its names. Throws EEXIST, InvalidArgument when there is no target.
 */
export function makeHardlink(unpacking: Unpacking, place: Place, header: TarHeader): void {
  const target = cleanPath(header.linkName);
  const source = findTarget(unpacking, target);
  const { fd } = ensureDirectory(unpacking, parentOf(place.path));
  const name = asName(baseOf(target));
  try {
    linkAt(source.fd, name, fd, place.name);
  } catch (error) {
    const existing = hasErrno(error, "EEXIST") && unpacking.tree.stat({ fd }, baseOf(place.path));
    if (!existing || !isSameFile(existing, unpacking.tree.stat(source, baseOf(target))!)) throw error;
  }
  const stat = unpacking.tree.stat({ fd }, baseOf(place.path))!;
  setAttributesAt(fd, place.name, header, isLink(stat) ? "link" : isRegularFile(stat) ? "file" : "other");
}

function findTarget(unpacking: Unpacking, target: BytePath): Directory {
  const { tree } = unpacking;
  const directory = tree.findDirectory(parentOf(target));
  const stat = directory && target !== "" ? tree.stat(directory, baseOf(target)) : undefined;
  if (directory && stat && !isWhiteout(stat)) return directory;
  const copied = stat === undefined && target !== "" ? copyUp(unpacking, target) : undefined;
  if (copied === undefined) {
    throw new CtrError("InvalidArgument", `hard link to ${quotePath(target)}, which is not there`);
  }
  return copied;
}
