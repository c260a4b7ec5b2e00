import { CtrError } from "../core/errors.ts";
import { openBelow } from "../files/resolve-below.ts";
import { setTimesFd } from "../sys/attributes.ts";
import { S_ISGID } from "../sys/entries.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../sys/open.ts";
import { statFd } from "../sys/stat.ts";
import { listXattrsFd } from "../sys/xattr.ts";
import { asName, type BytePath, parentOf, quotePath } from "./byte-path.ts";
import { LayerTree } from "./layer-tree.ts";
import { copyAttributes, openLowerDirectory } from "./parents.ts";
import type { Target } from "./target.ts";

/** Gives the directories that a layer only implied what `ensureDirectory` would have given them above its parents. */
export function settle({ root, lowers }: Target, paths: readonly BytePath[]): void {
  using tree = new LayerTree(root, lowers);
  // In the order in which they were made, so that nothing is looked for below what is not there.
  const absent = new Set<BytePath>();
  for (const path of paths) {
    if (absent.has(parentOf(path)) || !settleDirectory(tree, path)) absent.add(path);
  }
}

/** Answers whether the layers below have a directory there. */
function settleDirectory(tree: LayerTree, path: BytePath): boolean {
  const lower = openLowerDirectory(tree, path);
  if (lower === undefined) return false;
  try {
    if (isInherited(lower))
      throw new CtrError("FailedPrecondition", `what is in ${quotePath(path)} inherits`);
    const fd = openBelow(tree.rootFd, asName(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const { accessed, modified } = copyAttributes(lower, fd);
      setTimesFd(fd, accessed, modified);
    } finally {
      closeFd(fd);
    }
    return true;
  } finally {
    closeFd(lower);
  }
}

/** Whether entries made in the directory would have taken over something from it. */
function isInherited(fd: number): boolean {
  return (statFd(fd).mode & S_ISGID) !== 0 || listXattrsFd(fd).includes("system.posix_acl_default");
}
