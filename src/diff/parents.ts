import { CtrError } from "../core/errors.ts";
import { chmodFd, chownFd } from "../sys/attributes.ts";
import { mkdirAt, unlinkAt } from "../sys/entries.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { type FileStat, isDirectory, statFd } from "../sys/stat.ts";
import { getXattrFd, listXattrsFd, setXattrFd } from "../sys/xattr.ts";
import { asName, type BytePath, baseOf, quotePath } from "./byte-path.ts";
import type { Directory, LayerTree } from "./layer-tree.ts";
import type { Unpacking } from "./unpacking.ts";
import { isWhiteout, OPAQUE, OPAQUE_YES } from "./whiteout-marks.ts";

/** The directory `path`, made with those above it where the layer does not list them. */
export function ensureDirectory(unpacking: Unpacking, path: BytePath): Directory {
  const { tree } = unpacking;
  return (
    tree.findDirectory(path) ??
    tree.directory(path, (parent, missing) => makeImplied(unpacking, parent, missing))
  );
}

/**
 * Makes a directory that the layer only implies. One that a layer below has keeps its attributes, as when overlayfs
 * copies it up; else it is root's, 0755. Where the layer has a whiteout, that becomes a directory hiding the one below.
 */
function makeImplied(unpacking: Unpacking, parent: Directory, path: BytePath): void {
  const { tree, made, unsettled, lateTimes } = unpacking;
  const name = asName(baseOf(path));
  const existing = tree.stat(parent, baseOf(path));
  if (existing && !isWhiteout(existing)) {
    throw new CtrError("FailedPrecondition", `${quotePath(path)} is no directory`);
  }
  if (existing) unlinkAt(parent.fd, name);
  mkdirAt(parent.fd, name, 0o700);
  made.add(parent.fd, name);
  const fd = openAt(parent.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    chmodFd(fd, 0o755);
    if (existing) {
      setXattrFd(fd, OPAQUE, OPAQUE_YES);
      return;
    }
    const resolved = tree.resolvedPath({ fd });
    unsettled?.add(resolved);
    const lower = openLowerDirectory(tree, resolved);
    if (lower === undefined) return;
    const { accessed, modified } = copyAttributes(lower, fd);
    closeFd(lower);
    lateTimes.push({ path: resolved, accessed, modified });
  } finally {
    closeFd(fd);
  }
}

/** A handle on what the layers below show there, to be closed; undefined when that is no directory. */
export function openLowerDirectory(tree: LayerTree, path: BytePath): number | undefined {
  const lower = tree.openLower(path);
  if (lower === undefined) return undefined;
  try {
    return isDirectory(lower.stat) ? openAt(lower.fd, ".", O_RDONLY | O_DIRECTORY) : undefined;
  } finally {
    closeFd(lower.fd);
  }
}

export function copyAttributes(fromFd: number, toFd: number): FileStat {
  const stat = statFd(fromFd);
  chownFd(toFd, stat.uid, stat.gid);
  copyXattrs(fromFd, toFd);
  chmodFd(toFd, stat.mode & 0o7777);
  return stat;
}

/** `trusted.` ones are overlayfs's own business with the layer below. */
export function copyXattrs(fromFd: number, toFd: number): void {
  for (const key of listXattrsFd(fromFd)) {
    const value = key.startsWith("trusted.") ? undefined : getXattrFd(fromFd, key);
    if (value) setXattrFd(toFd, key, value);
  }
}
