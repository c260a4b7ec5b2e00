import { renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { asSysError } from "../sys/errno.ts";

/** The decimal pid without newline; it appears whole. */
export function writePidFile(path: string, pid: number): void {
  const draft = join(dirname(path), `.${basename(path)}`);
  try {
    writeFileSync(draft, `${pid}`);
    renameSync(draft, path);
  } catch (error) {
    throw asSysError(error, draft);
  }
}
