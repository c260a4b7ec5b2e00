/**
 * A network namespace goes with its last process, and with it what plugins need to find in order to undo all they did:
 * addresses that rules of the host's firewall are for. So it is kept, by a mount, until they have let go of it.
 */
import { mkdirSync, readlinkSync, statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CtrError } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { mountAt, unmountAll } from "../sys/mount.ts";
import { removeFile } from "../sys/small-file.ts";

const NSFS_MAGIC = 0x6e736673;

/** Throws FailedPrecondition for a process in the caller's own namespace, which is the host's. */
export function requireOwnNetns(pid: number): void {
  if (netnsOf(`${pid}`) !== netnsOf("self")) return;
  throw new CtrError("FailedPrecondition", "the container has no network namespace of its own", {
    hint: "leave out --cni, or what makes it share the host's network",
  });
}

/**
 * Mounts the network namespace of a living process at `path`, in place of an earlier one: it stays when the process has
 * ended, until `dropNetns` or the next boot. Throws `SysError`.
 */
export function keepNetns(pid: number, path: string): void {
  dropNetns(path);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    writeFileSync(path, "", { mode: 0o600 });
  } catch (error) {
    throw asSysError(error, path);
  }
  mountAt({ type: "none", source: `/proc/${pid}/ns/net`, options: ["bind"] }, path);
}

function netnsOf(pid: string): string {
  const path = `/proc/${pid}/ns/net`;
  try {
    return readlinkSync(path);
  } catch (error) {
    throw asSysError(error, path);
  }
}

/** Nothing where there is none, as after a reboot. */
export function keptNetns(path: string): string | undefined {
  try {
    return statfsSync(path).type === NSFS_MAGIC ? path : undefined;
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw asSysError(error, path);
  }
}

/** Fine when there is none. Throws `SysError`. */
export function dropNetns(path: string): void {
  unmountAll(path);
  removeFile(path);
}
