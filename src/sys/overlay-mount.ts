/**
 * Overlay mounts whose list of lower directories is longer than the one page that mount(2) takes. Dangerous here:
 * the working directory belongs to the whole process; it is changed and restored within one synchronous call, and
 * nothing else in this program relies on it.
 *
 * Kernel rules: overlayfs resolves relative directories against the caller's working directory, so `12/fs` may
 * stand for `/var/lib/ctr/snapshots/overlayfs/12/fs`; from Linux 6.8 on, fsconfig takes one layer at a time
 * (`lowerdir+`), below 256 bytes each; overlayfs stacks 500 layers at most.
 */
import { CtrError } from "../core/errors.ts";
import { checkCall, hasErrno } from "./errno.ts";
import {
  attachMount,
  configureFilesystem,
  createDetachedMount,
  openFilesystemContext,
} from "./filesystem-context.ts";
import { linkOnFirstUse } from "./libc.ts";
import { MS_RDONLY } from "./mount-options.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "./open.ts";

/** The smallest page less the NUL; what is longer the kernel cuts without a word. */
const DATA_BYTES_MAX = 4095;
/** Read-only, nosuid, nodev, noexec have the same bits as a mount attribute as in mount(2). */
const MOUNT_ATTRIBUTES = 0b1111;

const libc = linkOnFirstUse({
  fchdir: { args: ["i32"], returns: "i32" },
});

export interface OverlayMount {
  source: string;
  /** Absolute. */
  place: string;
  flags: number;
  data: readonly string[];
}

export function fitsOnePage(data: readonly string[]): boolean {
  return Buffer.byteLength(data.join(",")) <= DATA_BYTES_MAX;
}

/**
 * Mounts an overlay whose data does not fit: with directories relative to the one above them all, and if even that
 * is too long, layer by layer. `mount` calls mount(2) with the data it is given.
 */
export function mountLongOverlay(overlay: OverlayMount, mount: (data: string) => void): void {
  const common = commonDirectory(overlay.data.flatMap(directoriesOf));
  const data = overlay.data.map((option) => relativeTo(common, option));
  inDirectory(common, () => {
    if (fitsOnePage(data)) mount(data.join(","));
    else mountLayerByLayer({ ...overlay, data });
  });
}

function mountLayerByLayer(overlay: OverlayMount): void {
  const mountFd = openOverlay(overlay);
  try {
    attachMount(mountFd, overlay.place);
  } finally {
    closeFd(mountFd);
  }
}

/**
 * A descriptor of an overlay that hangs nowhere and goes with the descriptor. `data` are overlayfs' own options.
 * Throws FailedPrecondition where the kernel (before Linux 6.8) does not take one layer at a time.
 */
export function openOverlay({ source, flags, data }: Omit<OverlayMount, "place">): number {
  const contextFd = openContext();
  try {
    configureFilesystem(contextFd, "source", source);
    for (const option of data) configureOption(contextFd, option);
    // As mount(2) does: the filesystem itself, not only this mount of it.
    if (flags & MS_RDONLY) configureFilesystem(contextFd, "ro");
    return createDetachedMount(contextFd, flags & MOUNT_ATTRIBUTES);
  } catch (error) {
    throw hasErrno(error, "EINVAL") ? tooOld(error) : error;
  } finally {
    closeFd(contextFd);
  }
}

function openContext(): number {
  try {
    return openFilesystemContext("overlay");
  } catch (error) {
    throw hasErrno(error, "ENOSYS") ? tooOld(error) : error;
  }
}

function tooOld(cause: unknown): CtrError {
  return new CtrError("FailedPrecondition", "overlay of more layers than this kernel takes", {
    cause,
    hint: "use Linux 6.8 or later, or an image with fewer layers",
  });
}

function configureOption(contextFd: number, option: string): void {
  const { key, value } = splitOption(option);
  if (key !== "lowerdir") configureFilesystem(contextFd, key, value && unquoted(value));
  else
    for (const layer of directoriesOf(option)) configureFilesystem(contextFd, "lowerdir+", unescaped(layer));
}

/** A label of SELinux, whose commas are no separators in quotes; here nothing has to be separated. */
const unquoted = (value: string): string => value.replace(/^"(.*)"$/, "$1");

/** The directories that an option names, still escaped; a layer's colon is written `\:`. */
function directoriesOf(option: string): string[] {
  const { key, value } = splitOption(option);
  if (value === undefined) return [];
  if (key === "lowerdir") return value.match(/(?:\\.|[^:\\])+/g) ?? [];
  return key === "upperdir" || key === "workdir" ? [value] : [];
}

/** The lower layers that overlay options name, the topmost first. */
export function lowerDirectories(data: readonly string[]): string[] {
  return data
    .filter((option) => splitOption(option).key === "lowerdir")
    .flatMap(directoriesOf)
    .map(unescaped);
}

/** The same options with these layers, whose paths need no escapes. */
export function withLowerDirectories(data: readonly string[], layers: readonly string[]): string[] {
  const others = data.filter((option) => splitOption(option).key !== "lowerdir");
  return [...others, `lowerdir=${layers.join(":")}`];
}

function unescaped(directory: string): string {
  return directory.replace(/\\(.)/g, "$1");
}

function splitOption(option: string): { key: string; value: string | undefined } {
  const equalsAt = option.indexOf("=");
  if (equalsAt === -1) return { key: option, value: undefined };
  return { key: option.slice(0, equalsAt), value: option.slice(equalsAt + 1) };
}

/** The deepest directory above all of `paths`, with a slash at its end. */
function commonDirectory(paths: string[]): string {
  const [first = "", ...others] = paths;
  let common = first.slice(0, first.lastIndexOf("/") + 1);
  for (const path of others) {
    while (!path.startsWith(common)) common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
  }
  if (!common.startsWith("/")) {
    throw new CtrError("InvalidArgument", "overlay with a long list of layers and relative directories");
  }
  return common;
}

function relativeTo(common: string, option: string): string {
  const { key } = splitOption(option);
  const directories = directoriesOf(option);
  if (directories.length === 0) return option;
  return `${key}=${directories.map((directory) => directory.slice(common.length)).join(":")}`;
}

function inDirectory(directory: string, action: () => void): void {
  const previousFd = openAt(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
  try {
    const fd = openAt(AT_FDCWD, unescaped(directory), O_PATH | O_DIRECTORY);
    try {
      checkCall(libc().fchdir(fd), "fchdir", directory);
    } finally {
      closeFd(fd);
    }
    try {
      action();
    } finally {
      checkCall(libc().fchdir(previousFd), "fchdir");
    }
  } finally {
    closeFd(previousFd);
  }
}
