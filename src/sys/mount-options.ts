/**
 * fstab-style options as mount(2) wants them: flags, and the rest as the filesystem's own data, in containerd's
 * way. Pure.
 */
export const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_SYNCHRONOUS = 16;
export const MS_REMOUNT = 32;
const MS_MANDLOCK = 64;
const MS_DIRSYNC = 128;
const MS_NOSYMFOLLOW = 256;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
export const MS_BIND = 4096;
export const MS_REC = 16384;
const MS_UNBINDABLE = 1 << 17;
const MS_PRIVATE = 1 << 18;
const MS_SLAVE = 1 << 19;
const MS_SHARED = 1 << 20;
const MS_RELATIME = 1 << 21;
const MS_STRICTATIME = 1 << 24;
const MS_LAZYTIME = 1 << 25;

/** What belongs to a mount, not to its filesystem: the kernel takes it for a bind mount by remount alone. */
export const PER_MOUNT_FLAGS =
  MS_RDONLY |
  MS_NOSUID |
  MS_NODEV |
  MS_NOEXEC |
  MS_NOSYMFOLLOW |
  MS_NOATIME |
  MS_NODIRATIME |
  MS_RELATIME |
  MS_STRICTATIME;

const FLAGS: Record<string, { set?: number; clear?: number }> = {
  async: { clear: MS_SYNCHRONOUS },
  atime: { clear: MS_NOATIME },
  bind: { set: MS_BIND },
  defaults: {},
  dev: { clear: MS_NODEV },
  diratime: { clear: MS_NODIRATIME },
  dirsync: { set: MS_DIRSYNC },
  exec: { clear: MS_NOEXEC },
  lazytime: { set: MS_LAZYTIME },
  mand: { set: MS_MANDLOCK },
  noatime: { set: MS_NOATIME },
  nodev: { set: MS_NODEV },
  nodiratime: { set: MS_NODIRATIME },
  noexec: { set: MS_NOEXEC },
  nolazytime: { clear: MS_LAZYTIME },
  nomand: { clear: MS_MANDLOCK },
  norelatime: { clear: MS_RELATIME },
  nostrictatime: { clear: MS_STRICTATIME },
  nosuid: { set: MS_NOSUID },
  nosymfollow: { set: MS_NOSYMFOLLOW },
  rbind: { set: MS_BIND | MS_REC },
  relatime: { set: MS_RELATIME },
  remount: { set: MS_REMOUNT },
  ro: { set: MS_RDONLY },
  rw: { clear: MS_RDONLY },
  strictatime: { set: MS_STRICTATIME },
  suid: { clear: MS_NOSUID },
  symfollow: { clear: MS_NOSYMFOLLOW },
  sync: { set: MS_SYNCHRONOUS },
};

const PROPAGATIONS: Record<string, number> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  rshared: MS_SHARED | MS_REC,
  rslave: MS_SLAVE | MS_REC,
  runbindable: MS_UNBINDABLE | MS_REC,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

export interface MountOptions {
  flags: number;
  /** Each needs a mount(2) of its own, which must carry nothing else. */
  propagations: number[];
  /** What the filesystem itself is told, still one option each. */
  data: string[];
  /** containerd's `uidmap=CONTAINER:HOST:SIZE` and `gidmap=`, for the lower layers of an overlay. */
  uidMaps: string[];
  gidMaps: string[];
}

/** Later options win, as in fstab. Options for programs in user space (`x-…`, `X-…`) are left out. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const parsed: MountOptions = { flags: 0, propagations: [], data: [], uidMaps: [], gidMaps: [] };
  for (const option of options) {
    const flag = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
    const propagation = Object.hasOwn(PROPAGATIONS, option) ? PROPAGATIONS[option] : undefined;
    if (flag !== undefined) parsed.flags = (parsed.flags & ~(flag.clear ?? 0)) | (flag.set ?? 0);
    else if (propagation !== undefined) parsed.propagations.push(propagation);
    else if (option.startsWith("uidmap=")) parsed.uidMaps.push(option.slice("uidmap=".length));
    else if (option.startsWith("gidmap=")) parsed.gidMaps.push(option.slice("gidmap=".length));
    else if (option !== "" && !/^x-/i.test(option)) parsed.data.push(option);
  }
  return parsed;
}
