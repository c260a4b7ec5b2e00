import { CtrError } from "../core/errors.ts";
import { removeFile } from "../sys/small-file.ts";
import { type Bundle, type ExecRecord, execDir } from "./bundle.ts";
import { removeDirectory } from "./remove-directory.ts";

/** Files of an exec that has ended. Its directory, and so its id, goes last. */
export function removeExec(bundle: Bundle, execId: string, { output, logPath, fifoDir }: ExecRecord): void {
  if (output === "log") removeFile(logPath);
  removeDirectory(fifoDir);
  removeDirectory(execDir(bundle, execId));
}

export function execStillRuns(): CtrError {
  return new CtrError(
    "FailedPrecondition",
    "current process state: running, process must be stopped before deletion",
  );
}
