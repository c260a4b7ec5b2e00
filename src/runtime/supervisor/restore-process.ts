import { mkdirAt } from "../../sys/entries.ts";
import { AT_FDCWD } from "../../sys/open.ts";
import { criuFailure } from "../criu/program.ts";
import { removeDirectory } from "../remove-directory.ts";
import { RESTORE_DIR } from "./container.ts";
import { type StartContext, type StartPlan, type SupervisedProcess, startProcess } from "./processes.ts";

/** As `startProcess`, for a container that goes on from a checkpoint; throws Unknown with criu's words. */
export async function restoreProcess(plan: StartPlan, context: StartContext): Promise<SupervisedProcess> {
  const failure = "OCI runtime restore failed";
  // Where runc makes it, crun expects it.
  mkdirAt(AT_FDCWD, RESTORE_DIR, 0o700);
  try {
    const restored = await startProcess({ ...plan, failure }, context);
    removeDirectory(RESTORE_DIR);
    return restored;
  } catch (error) {
    throw criuFailure(`${RESTORE_DIR}/restore.log`, failure, error);
  }
}
