import { hasCode } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import { claimMountPlace } from "../../files/places.ts";
import { mountAll } from "../../sys/mount.ts";
import { parseMountOptions } from "../../sys/mount-options.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../../sys/open.ts";
import { openOverlay } from "../../sys/overlay-mount.ts";
import { overlayLayers } from "../overlay-options.ts";

/**
 * A directory to read what `mounts` show, held by its descriptor alone: the kernel lets the mounts go with it, also
 * when this process is killed. What needs a place to be mounted at gets one below `mountPlaces`. An active overlay is
 * looked at through its layers, since the kernel forbids two mounts with one upper directory.
 */
export function openTree(mounts: readonly Mount[], mountPlaces: string): number {
  const [mount] = mounts;
  if (mounts.length !== 1 || mount === undefined) return openMounted(mounts, mountPlaces);
  if (mount.type === "bind" && mount.target === undefined) return openDirectory(mount.source);
  if (mount.type !== "overlay") return openMounted(mounts, mountPlaces);
  const readable = readOnly(mount);
  const { flags, data } = parseMountOptions(readable.options);
  try {
    return openRoot(openOverlay({ source: mount.source, flags, data }));
  } catch (error) {
    if (!hasCode(error, "FailedPrecondition")) throw error;
    return openMounted([readable], mountPlaces);
  }
}

/** A mount's own descriptor is no open directory yet. */
function openRoot(mountFd: number): number {
  try {
    return openDirectory(`/proc/self/fd/${mountFd}/.`);
  } finally {
    closeFd(mountFd);
  }
}

/** For kernels and kinds of mount that cannot be made without a place: mounted, held open and detached at once. */
function openMounted(mounts: readonly Mount[], mountPlaces: string): number {
  using place = claimMountPlace(mountPlaces);
  mountAll(mounts, place.path);
  return openDirectory(place.path);
}

function readOnly(mount: Mount): Mount {
  const layers = overlayLayers(mount);
  const rest = mount.options.filter((option) => !/^(upperdir|workdir|lowerdir)=/.test(option));
  return { ...mount, options: [...rest, `lowerdir=${layers.map(({ escaped }) => escaped).join(":")}`] };
}

function openDirectory(path: string): number {
  return openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}
