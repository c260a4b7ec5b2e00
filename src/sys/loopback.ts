/**
 * The loopback interface of another network namespace. Dangerous here: the calling thread is in that namespace until
 * it is back in its own, which nothing must interrupt: no await in between.
 *
 * Relies on struct ifreq (40 bytes: a name of 16, then the flags as i16).
 */
import { checkCall } from "./errno.ts";
import { linkOnFirstUse } from "./libc.ts";
import { AT_FDCWD, closeFd, O_RDONLY, openAt } from "./open.ts";

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
const IFREQ_BYTES = 40;
const FLAGS_AT = 16;

const libc = linkOnFirstUse({
  setns: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

/** Brings it up in the namespace of that process, as every container has it. Throws `SysError`. */
export function raiseLoopback(pid: number): void {
  const own = openAt(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY);
  try {
    const theirs = openAt(AT_FDCWD, `/proc/${pid}/ns/net`, O_RDONLY);
    try {
      checkCall(libc().setns(theirs, CLONE_NEWNET), "setns");
      raise();
    } finally {
      checkCall(libc().setns(own, CLONE_NEWNET), "setns");
      closeFd(theirs);
    }
  } finally {
    closeFd(own);
  }
}

function raise(): void {
  const fd = checkCall(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write("lo");
    checkCall(libc().ioctl(fd, SIOCGIFFLAGS, request), "ioctl SIOCGIFFLAGS");
    request.writeInt16LE(request.readInt16LE(FLAGS_AT) | IFF_UP, FLAGS_AT);
    checkCall(libc().ioctl(fd, SIOCSIFFLAGS, request), "ioctl SIOCSIFFLAGS");
  } finally {
    closeFd(fd);
  }
}
