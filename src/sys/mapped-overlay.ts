/**
 * Overlay mounts whose lower layers show other owners than are on disk (idmapped mounts, mount_setattr(2)): so the
 * containers of many user namespaces share one layer without a byte copied. Dangerous here: on the way, layers are
 * mounted one over the other at the overlay's own place; whoever unmounts all that is there after a kill removes them.
 *
 * Kernel rules: overlayfs takes idmapped layers from Linux 5.19 on, and only such as hang in the mount tree (until
 * 6.15); a mapping is given as a user namespace, which needs a process of its own to be made, since this one has
 * several threads.
 */
import { closeSync, openSync, readlinkSync, writeFileSync } from "node:fs";
import { CtrError, hasCode } from "../core/errors.ts";
import { asSysError, checkCall, hasErrno } from "./errno.ts";
import { attachMount } from "./filesystem-context.ts";
import { cString, LONG, linkOnFirstUse } from "./libc.ts";
import { AT_FDCWD, closeFd } from "./open.ts";
import { readProcessStat } from "./process.ts";

const SYS_OPEN_TREE = 428;
const SYS_MOUNT_SETATTR = 442;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const MOUNT_ATTR_IDMAP = 0x100000n;
const MS_PRIVATE = 0x40000n;
const NAMESPACE_TIMEOUT_MS = 5000;

const tree = linkOnFirstUse({ syscall: { args: [LONG, LONG, "cstring", LONG], returns: LONG } });
const attributes = linkOnFirstUse({
  syscall: { args: [LONG, LONG, "cstring", LONG, "ptr", LONG], returns: LONG },
});

/** Lines of /proc/PID/uid_map: `CONTAINER HOST SIZE`, with colons between. */
export interface OwnerMaps {
  uidMaps: readonly string[];
  gidMaps: readonly string[];
}

/**
 * Has `mount` mount an overlay at `place`, given paths in place of the lower layers' own. All or nothing. Throws
 * FailedPrecondition where the kernel or the layers' filesystem cannot do it.
 */
export function mountMappedOverlay(
  place: string,
  layers: readonly string[],
  maps: OwnerMaps,
  { mount, unmount }: { mount(layers: readonly string[]): void; unmount(): void },
): void {
  const layerFds: number[] = [];
  let mountedCount = 0;
  let overlayFd: number | undefined;
  try {
    const namespaceFd = openUserNamespace(maps);
    try {
      for (const layer of layers) {
        const fd = openTree(layer);
        layerFds.push(fd);
        mapOwners(fd, namespaceFd, layer);
        attachMount(fd, place);
        mountedCount++;
      }
    } finally {
      closeSync(namespaceFd);
    }
    mount(layerFds.map((fd) => `/proc/self/fd/${fd}`));
    mountedCount++;
    overlayFd = openTree(place);
  } finally {
    for (; mountedCount > 0; mountedCount--) unmount();
    for (const fd of layerFds) closeFd(fd);
  }
  try {
    attachMount(overlayFd, place);
  } finally {
    closeFd(overlayFd);
  }
}

/** Whether the filesystem that has `path` can show mapped owners. */
export function canMapOwners(path: string): boolean {
  const treeFd = openTree(path);
  let namespaceFd: number | undefined;
  try {
    namespaceFd = openUserNamespace({ uidMaps: ["0:1:1"], gidMaps: ["0:1:1"] });
    mapOwners(treeFd, namespaceFd, path);
    return true;
  } catch (error) {
    // It has said so; without a namespace nobody would know.
    if (namespaceFd !== undefined && hasCode(error, "FailedPrecondition")) return false;
    throw error;
  } finally {
    closeFd(treeFd);
    if (namespaceFd !== undefined) closeSync(namespaceFd);
  }
}

/** A copy of the mount that `path` shows, which hangs nowhere. */
function openTree(path: string): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  return checkCall(tree().syscall(SYS_OPEN_TREE, AT_FDCWD, cString(path), flags), "open_tree", path);
}

function mapOwners(mountFd: number, namespaceFd: number, path: string): void {
  // struct mount_attr: what to set, to clear, the propagation, the namespace. What is mounted upon a copy that shares
  // would be mounted upon the layer itself as well.
  const attr = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, MS_PRIVATE, BigInt(namespaceFd)]);
  try {
    const result = attributes().syscall(SYS_MOUNT_SETATTR, mountFd, "", AT_EMPTY_PATH, attr, attr.byteLength);
    checkCall(result, "mount_setattr", path);
  } catch (error) {
    if (!hasErrno(error, "EINVAL", "ENOSYS", "EOPNOTSUPP")) throw error;
    throw new CtrError("FailedPrecondition", `owners of ${path} cannot be mapped`, {
      cause: error,
      hint: "its filesystem or the kernel cannot do it: make the container anew",
    });
  }
}

/** A descriptor of a user namespace with these maps, in which nobody is. */
function openUserNamespace({ uidMaps, gidMaps }: OwnerMaps): number {
  const child = spawnInNamespace();
  try {
    const ownNamespace = readlinkSync("/proc/self/ns/user");
    const deadline = performance.now() + NAMESPACE_TIMEOUT_MS;
    while (namespaceOf(child.pid) === ownNamespace) {
      if (performance.now() > deadline) throw new CtrError("DeadlineExceeded", "a user namespace");
      Bun.sleepSync(1);
    }
    for (const [name, maps] of [
      ["uid_map", uidMaps],
      ["gid_map", gidMaps],
    ] as const) {
      writeFileSync(
        `/proc/${child.pid}/${name}`,
        maps.map((map) => `${map.replaceAll(":", " ")}\n`).join(""),
      );
    }
    return openSync(`/proc/${child.pid}/ns/user`, "r");
  } catch (error) {
    throw error instanceof CtrError ? error : asSysError(error);
  } finally {
    child.kill("SIGKILL");
    child.unref();
  }
}

/** Throws FailedPrecondition for a process that has ended: it was refused a namespace. */
function namespaceOf(pid: number): string {
  const state = readProcessStat(pid)?.state;
  if (state !== undefined && state !== "Z") return readlinkSync(`/proc/${pid}/ns/user`);
  throw new CtrError("FailedPrecondition", "the kernel makes no user namespace", {
    hint: "see sysctl user.max_user_namespaces",
  });
}

/** It reads until it is killed, or we are. */
function spawnInNamespace() {
  const program = Bun.which("unshare", { PATH: `${process.env.PATH ?? ""}:/usr/bin:/bin` });
  if (program === null) {
    throw new CtrError("NotFound", "program unshare", {
      hint: "install it with: apt-get install util-linux",
    });
  }
  return Bun.spawn([program, "--user", "--", "cat"], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    env: {},
  });
}
