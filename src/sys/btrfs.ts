/**
 * Subvolumes of btrfs by ioctl. Dangerous here: destroying one takes all that is in it at once, whoever has it open.
 * Making one is durable when the call returns, since it commits the filesystem's transaction.
 *
 * Relies on linux/btrfs.h: struct btrfs_ioctl_vol_args { s64 fd; char name[4088] }, its second version
 * { s64 fd; u64 transid, flags, unused[4]; char name[4040] }, and the root of every subvolume being inode 256.
 */
import { CtrError } from "../core/errors.ts";
import { checkCall } from "./errno.ts";
import { linkOnFirstUse, type Name, nameText } from "./libc.ts";
import type { FileStat } from "./stat.ts";

const ARGS_BYTES = 4096;
const NAME_AT = 8;
const FLAGS_AT = 16;
const NAME_V2_AT = 56;
const NAME_BYTES_MAX = 255;
const SNAP_DESTROY = 0x5000940f;
const INO_LOOKUP = 0xd0009412;
const SNAP_CREATE_V2 = 0x50009417;
const SUBVOL_CREATE_V2 = 0x50009418;
const SUBVOL_SETFLAGS = 0x4008941a;
const SUBVOL_RDONLY = 2n;
const SLASH = 0x2f;
const ROOT_INODE = 256n;

const libc = linkOnFirstUse({
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

/** Makes an empty subvolume `name` in the directory; its mode is 0777 less the umask. EEXIST. */
export function createSubvolume(directoryFd: number, name: string): void {
  call(directoryFd, SUBVOL_CREATE_V2, withName(name, NAME_V2_AT), `create subvolume ${name}`);
}

/** Makes the subvolume `name` in the directory, with all that is in the subvolume `fromFd`. EEXIST. */
export function snapshotSubvolume(
  fromFd: number,
  directoryFd: number,
  name: string,
  { isReadOnly = false } = {},
): void {
  const args = withName(name, NAME_V2_AT);
  args.writeBigInt64LE(BigInt(fromFd), 0);
  if (isReadOnly) args.writeBigUInt64LE(SUBVOL_RDONLY, FLAGS_AT);
  call(directoryFd, SNAP_CREATE_V2, args, `snapshot subvolume ${name}`);
}

/** Removes the subvolume `name` of the directory. ENOTEMPTY while there are subvolumes in it, ENOENT. */
export function destroySubvolume(directoryFd: number, name: Name): void {
  call(directoryFd, SNAP_DESTROY, withName(name, NAME_AT), `destroy subvolume ${nameText(name)}`);
}

/** Takes the read-only flag from the subvolume whose root is `fd`. */
export function makeSubvolumeWritable(fd: number): void {
  call(fd, SUBVOL_SETFLAGS, Buffer.alloc(8), "set flags of subvolume");
}

/** Of a directory on btrfs. */
export function isSubvolumeRoot({ inode }: FileStat): boolean {
  return inode === ROOT_INODE;
}

/** The id of the subvolume that `fd` is in, as the mount option `subvolid` takes it. */
export function subvolumeId(fd: number): number {
  const args = Buffer.alloc(ARGS_BYTES);
  args.writeBigUInt64LE(ROOT_INODE, 8);
  call(fd, INO_LOOKUP, args, "look up subvolume");
  return Number(args.readBigUInt64LE(0));
}

function withName(name: Name, at: number): Buffer {
  const bytes = typeof name === "string" ? Buffer.from(name) : Buffer.from(name);
  if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX || bytes.includes(0) || bytes.includes(SLASH)) {
    throw new CtrError("InvalidArgument", `subvolume name ${JSON.stringify(nameText(name))}`);
  }
  const args = Buffer.alloc(ARGS_BYTES);
  bytes.copy(args, at);
  return args;
}

function call(fd: number, request: number, args: Buffer, what: string): void {
  checkCall(libc().ioctl(fd, request, args), what);
}
