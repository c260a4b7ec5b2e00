/**
 * Drafts in a directory of the user's: files on their way to a name there. Whoever makes some holds a shared flock on
 * the directory meanwhile; so whoever gets an exclusive one knows that the drafts there are of processes that were
 * killed.
 */
import { ifPresent } from "../core/errors.ts";
import { unlinkAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import type { Name } from "../sys/libc.ts";
import { lockWithin, tryLock } from "../sys/lock.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../sys/open.ts";
import { readDirectory } from "../sys/read-directory.ts";

/** A directory that this process makes drafts in until it is disposed of. */
export interface DraftDirectory extends Disposable {
  readonly fd: number;
}

/** Removes what killed makers of drafts have left there, unless others are at work. Throws `SysError`. */
export async function openDraftDirectory(
  path: string,
  isDraft: (name: Name) => boolean,
): Promise<DraftDirectory> {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    await beginDrafts(fd, isDraft);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return { fd, [Symbol.dispose]: () => closeFd(fd) };
}

async function beginDrafts(directoryFd: number, isDraft: (name: Name) => boolean): Promise<void> {
  try {
    if (tryLock(directoryFd, "exclusive")) {
      for (const { name } of readDirectory(directoryFd)) if (isDraft(name)) removeDraft(directoryFd, name);
    }
    await lockWithin(directoryFd, "shared");
  } catch (error) {
    // Some network filesystems lock no directories: there, nobody can tell who is at work.
    if (!hasErrno(error, "EBADF", "EINVAL", "ENOLCK", "ENOSYS", "EOPNOTSUPP")) throw error;
  }
}

/** Fine when it is gone, or has its name by now. */
export function removeDraft(directoryFd: number, draft: Name): void {
  ifPresent(() => unlinkAt(directoryFd, draft));
}
