import { CtrError } from "../core/errors.ts";
import { renameAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/open.ts";
import { removeFile } from "../sys/small-file.ts";
import { type Bundle, execDir } from "./bundle.ts";
import type { OutputPlaces } from "./records.ts";
import { removeDirectory } from "./remove-directory.ts";

/**
 * Files of an exec that has ended. Its directory goes away whole before it is emptied: whoever takes the id next must
 * not take an empty one for its own that is about to go.
 */
export function removeExec(bundle: Bundle, execId: string, { output, logPath, fifoDir }: OutputPlaces): void {
  const directory = execDir(bundle, execId);
  if (output === "log") removeFile(logPath);
  if (fifoDir !== directory) removeDirectory(fifoDir);
  const aside = `${bundle.path}/removed-exec-${execId}`;
  removeDirectory(aside);
  try {
    renameAt(AT_FDCWD, directory, AT_FDCWD, aside);
  } catch (error) {
    // Somebody else removes it too.
    if (!hasErrno(error, "ENOENT")) throw error;
  }
  removeDirectory(aside);
}

export function execStillRuns(): CtrError {
  return new CtrError(
    "FailedPrecondition",
    "current process state: running, process must be stopped before deletion",
  );
}
