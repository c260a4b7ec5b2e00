/**
 * The mount API of Linux 5.2 (fsopen, fsconfig, fsmount, move_mount), for what mount(2) cannot say. By number, since
 * glibc names these calls only from 2.36 on. Nothing is visible to anybody before `attachMount`.
 */
import { checkCall } from "./errno.ts";
import { cString, LONG, linkOnFirstUse } from "./libc.ts";
import { AT_FDCWD } from "./open.ts";

const SYS_MOVE_MOUNT = 429;
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

const open = linkOnFirstUse({ syscall: { args: [LONG, "cstring", LONG], returns: LONG } });
const configure = linkOnFirstUse({
  syscall: { args: [LONG, LONG, LONG, "cstring", "cstring", LONG], returns: LONG },
});
const mount = linkOnFirstUse({ syscall: { args: [LONG, LONG, LONG, LONG], returns: LONG } });
const move = linkOnFirstUse({
  syscall: { args: [LONG, LONG, "cstring", LONG, "cstring", LONG], returns: LONG },
});

/** A descriptor on which a new filesystem of `type` is described. Throws `SysError`: ENOSYS before Linux 5.2. */
export function openFilesystemContext(type: string): number {
  return checkCall(open().syscall(SYS_FSOPEN, cString(type), CLOEXEC), "fsopen", type);
}

/** Sets `key` to `value` (less than 256 bytes), or as a flag when there is none. EINVAL for what it does not know. */
export function configureFilesystem(contextFd: number, key: string, value?: string): void {
  const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  const given = value === undefined ? null : cString(value);
  checkCall(
    configure().syscall(SYS_FSCONFIG, contextFd, command, cString(key), given, 0),
    `fsconfig ${key}`,
    value,
  );
}

/** Makes the described filesystem; the descriptor returned is a mount of it that hangs nowhere yet. */
export function createDetachedMount(contextFd: number, attributes: number): number {
  checkCall(
    configure().syscall(SYS_FSCONFIG, contextFd, FSCONFIG_CMD_CREATE, null, null, 0),
    "fsconfig create",
  );
  return checkCall(mount().syscall(SYS_FSMOUNT, contextFd, CLOEXEC, attributes), "fsmount");
}

/** Hangs the mount `mountFd` up at `place`. */
export function attachMount(mountFd: number, place: string): void {
  const result = move().syscall(
    SYS_MOVE_MOUNT,
    mountFd,
    "",
    AT_FDCWD,
    cString(place),
    MOVE_MOUNT_F_EMPTY_PATH,
  );
  checkCall(result, "move_mount", place);
}
