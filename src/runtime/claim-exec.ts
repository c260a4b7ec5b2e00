import { closeSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { CtrError, hasCode } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { tryLock } from "../sys/lock.ts";
import { type Bundle, execDir, readExecRecord } from "./bundle.ts";
import { isStill, tryOpen } from "./bundle-lock.ts";
import type { Connection } from "./connection.ts";

/**
 * Takes an exec id: its directory is the claim, the lock on it (the descriptor answered) says that the claimant lives
 * until the supervisor knows the exec. What a client left that was killed before that gives way. Throws
 * AlreadyExists.
 */
export async function claimExec(bundle: Bundle, execId: string, connection: Connection): Promise<number> {
  const directory = execDir(bundle, execId);
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  for (;;) {
    makeDirectory(directory);
    const fd = tryOpen(directory);
    if (fd === undefined) continue;
    let isOurs = false;
    try {
      if (!tryLock(fd, "exclusive")) throw taken(execId);
      if (!isStill(fd, directory)) continue;
      isOurs = readdirSync(directory).length === 0;
      if (isOurs) return fd;
      if ((await isLitter(bundle, execId, connection)) && isStill(fd, directory)) {
        rmSync(directory, { recursive: true, force: true });
      }
    } finally {
      if (!isOurs) closeSync(fd);
    }
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw asSysError(error, directory);
  }
}

/**
 * An exec that the supervisor does not know was never started; one that has ended it removes itself, and then another
 * claimant may be in that place. Throws AlreadyExists for one that runs, or waits to be deleted.
 */
async function isLitter(bundle: Bundle, execId: string, connection: Connection): Promise<boolean> {
  if (readExecRecord(bundle, execId)?.pid) throw taken(execId);
  try {
    await connection.ask({ op: "deleteExec", execId });
    return false;
  } catch (error) {
    if (hasCode(error, "FailedPrecondition")) throw taken(execId);
    if (!hasCode(error, "NotFound")) throw error;
    return true;
  }
}

function taken(execId: string): CtrError {
  return new CtrError("AlreadyExists", `id ${execId}`);
}
