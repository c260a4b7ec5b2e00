import { readdirSync } from "node:fs";
import { asSysError, hasErrno } from "../sys/errno.ts";

/** What stands in a directory, in order of names; nothing where there is no directory. Throws `SysError`. */
export function listNames(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw asSysError(error, directory);
  }
}
