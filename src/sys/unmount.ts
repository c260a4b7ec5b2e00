/**
 * One unmount, apart from `mount.ts`: a supervisor needs no more. Dangerous here: what follows a link unmounts
 * elsewhere.
 */
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse } from "./libc.ts";

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

const libc = linkOnFirstUse({
  umount2: { args: ["cstring", "i32"], returns: "i32" },
});

/**
 * Takes away the topmost mount at `target`, whose last component is not followed. `detach` takes it out of the tree
 * at once and lets the kernel finish when its last user is gone. Throws `SysError`: EINVAL when nothing is mounted,
 * EBUSY when it is in use.
 */
export function unmount(target: string, { detach = false } = {}): void {
  const flags = UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0);
  checkCall(libc().umount2(cString(target), flags), "umount", target);
}
