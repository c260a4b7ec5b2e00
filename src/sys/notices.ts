/**
 * Descriptors that become readable when the kernel has something to say. Dangerous here: what was said and not read is
 * added up (an eventfd) or dropped beyond a limit (inotify), so one notice may stand for many, and whoever is woken
 * looks for himself.
 */
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse } from "./libc.ts";
import { closeFd } from "./open.ts";

const NONBLOCK_CLOEXEC = 0o2004000;
const IN_MODIFY = 2;
/** Attributes, of which the number of names is one. */
const IN_ATTRIB = 4;
const IN_ONESHOT = 0x80000000;

const libc = linkOnFirstUse({
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  inotify_init1: { args: ["i32"], returns: "i32" },
  inotify_add_watch: { args: ["i32", "cstring", "u32"], returns: "i32" },
});

/** For those to whom a descriptor of this kind is given, such as version 1 of memory cgroups. */
export function openEventFd(): number {
  return checkCall(libc().eventfd(0, NONBLOCK_CLOEXEC), "eventfd");
}

/** Readable when the file's content changes, on cgroup files too, or when it is removed. */
export function openChangeNotice(path: string): number {
  const fd = openNotices();
  try {
    addWatch(fd, path, IN_MODIFY | IN_ATTRIB);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** For `noticeNextWrite`. EMFILE beyond fs.inotify.max_user_instances, which all processes of a user share. */
export function openNotices(): number {
  return checkCall(libc().inotify_init1(NONBLOCK_CLOEXEC), "inotify_init1");
}

/**
 * Has `fd` become readable when bytes are next written to, or cut off, the open file, whatever its name is by then.
 * Only the next time: whoever writes much pays for one notice, until he is watched again.
 */
export function noticeNextWrite(fd: number, fileFd: number): void {
  addWatch(fd, `/proc/self/fd/${fileFd}`, IN_MODIFY + IN_ONESHOT);
}

function addWatch(fd: number, path: string, events: number): void {
  checkCall(libc().inotify_add_watch(fd, cString(path), events), "inotify_add_watch", path);
}

/**
 * Calls back at each notice until it is disposed of, which closes `fd`. No thread waits, nothing is polled. (Not
 * fs.watch: Bun's drops what follows within a millisecond, and with it the last change.)
 */
export function onNotice(fd: number, notice: () => void): Disposable {
  const reader = Bun.file(fd).stream().getReader();
  const forward = async () => {
    while (!(await reader.read()).done) notice();
  };
  // A stream that broke brings no more notices; there is nobody to tell.
  forward().catch(() => {});
  return {
    [Symbol.dispose]() {
      reader.cancel().catch(() => {});
      closeFd(fd);
    },
  };
}
