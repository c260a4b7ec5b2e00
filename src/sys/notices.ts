/**
 * Descriptors that become readable when the kernel has something to say. Dangerous here: what was said and not read is
 * added up (an eventfd) or dropped beyond a limit (inotify), so one notice may stand for many, and whoever is woken
 * looks for himself.
 */
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse } from "./libc.ts";

const NONBLOCK_CLOEXEC = 0o2004000;
const IN_MODIFY = 2;

const libc = linkOnFirstUse({
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  inotify_init1: { args: ["i32"], returns: "i32" },
  inotify_add_watch: { args: ["i32", "cstring", "u32"], returns: "i32" },
});

/** For those to whom a descriptor of this kind is given, such as version 1 of memory cgroups. */
export function openEventFd(): number {
  return checkCall(libc().eventfd(0, NONBLOCK_CLOEXEC), "eventfd");
}

/** Readable when the file's content changes; on cgroup files too. */
export function openChangeNotice(path: string): number {
  const fd = checkCall(libc().inotify_init1(NONBLOCK_CLOEXEC), "inotify_init1");
  checkCall(libc().inotify_add_watch(fd, cString(path), IN_MODIFY), "inotify_add_watch", path);
  return fd;
}

/** Calls back at each notice for as long as this process lives; no thread waits for them, and nothing is polled. */
export async function onNotice(fd: number, notice: () => void): Promise<void> {
  for await (const _ of Bun.file(fd).stream()) notice();
}
