import { rmSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { type Bundle, type ExecRecord, execDir } from "./bundle.ts";

/** Files of an exec that has ended. Its directory, and so its id, goes last. */
export function removeExec(bundle: Bundle, execId: string, { output, logPath, fifoDir }: ExecRecord): void {
  if (output === "log") rmSync(logPath, { force: true });
  rmSync(fifoDir, { recursive: true, force: true });
  rmSync(execDir(bundle, execId), { recursive: true, force: true });
}

export function execStillRuns(): CtrError {
  return new CtrError(
    "FailedPrecondition",
    "current process state: running, process must be stopped before deletion",
  );
}
