import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { hasErrno } from "../../sys/errno.ts";

/** criu's name of an open file that is not below the container's mounts, and which standard stream it is. */
export interface OutsideFile {
  name: string;
  stream: number;
}

const O_ACCMODE = 3;

/**
 * The FIFOs and logs that a container's processes have as their streams: files of the host's, which criu has to be
 * told of since it cannot find them from inside.
 */
export function findOutsideFiles(pids: readonly number[]): OutsideFile[] {
  const found = new Map<string, OutsideFile>();
  for (const pid of pids) {
    for (const file of ignoringItsEnd(() => outsideFilesOf(pid)) ?? []) {
      if (!found.has(file.name)) found.set(file.name, file);
    }
  }
  return [...found.values()];
}

function outsideFilesOf(pid: number): OutsideFile[] {
  const mounts = new Set(
    readFileSync(`/proc/${pid}/mountinfo`, "latin1")
      .split("\n")
      .map((line) => line.split(" ", 1)[0]),
  );
  const fds = readdirSync(`/proc/${pid}/fd`).map(Number);
  return fds.flatMap((fd) => ignoringItsEnd(() => outsideFile(pid, fd, mounts)) ?? []);
}

function outsideFile(pid: number, fd: number, mounts: ReadonlySet<string | undefined>): OutsideFile[] {
  const path = `/proc/${pid}/fd/${fd}`;
  if (!readlinkSync(path).startsWith("/")) return [];
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1");
  const mountId = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? "";
  const status = statSync(path, { bigint: true });
  if (mounts.has(mountId) || !(status.isFIFO() || status.isFile())) return [];
  const isRead = (Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "0", 8) & O_ACCMODE) === 0;
  const name = `file[${Number(mountId).toString(16)}:${status.ino.toString(16)}]`;
  return [{ name, stream: fd <= 2 ? fd : isRead ? 0 : 1 }];
}

/** A process may end while it is looked at, and then has nothing open. */
function ignoringItsEnd<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}
