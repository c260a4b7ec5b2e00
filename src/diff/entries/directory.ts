import { mkdirAt } from "../../sys/entries.ts";
import { hasErrno } from "../../sys/errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { setXattrFd } from "../../sys/xattr.ts";
import type { TarHeader } from "../../tar/header.ts";
import { fileTimes, setAttributesFd } from "../attributes.ts";
import type { Place, Unpacking } from "../unpacking.ts";
import { OPAQUE, OPAQUE_YES } from "../whiteout-marks.ts";

/**
 * Makes the directory, or takes the one that is there; its times are set at the end of the layer. Throws EEXIST when
 * something else has the name. `isOpaque`: it stands where the layer has hidden one.
 */
export function makeDirectory(
  { lateTimes }: Unpacking,
  place: Place,
  header: TarHeader,
  isOpaque: boolean,
): void {
  const fd = openNew(place);
  try {
    if (isOpaque) setXattrFd(fd, OPAQUE, OPAQUE_YES);
    setAttributesFd(fd, header);
  } finally {
    closeFd(fd);
  }
  lateTimes.push({ path: place.path, ...fileTimes(header) });
}

function openNew({ directory, name }: Place): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    mkdirAt(directory.fd, name, 0o700);
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw error;
    try {
      return openAt(directory.fd, name, flags);
    } catch (reason) {
      throw hasErrno(reason, "ENOTDIR", "ELOOP") ? error : reason;
    }
  }
  return openAt(directory.fd, name, flags);
}
