import { constants, copyFileSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import { randomHex } from "../../core/random.ts";
import { openDraftDirectory, removeDraft } from "../../files/drafts.ts";
import { syncDirectory } from "../../files/durable.ts";
import { chmodFd } from "../../sys/attributes.ts";
import { readLinkAt, renameAt, symlinkAt } from "../../sys/entries.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { type Name, nameText } from "../../sys/libc.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { procPath } from "../../sys/proc-path.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { isLink, isRegularFile, statAt, statFd } from "../../sys/stat.ts";
import { syncFd } from "../../sys/storage.ts";
import { withLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { withReading } from "../snapshots/read-snapshot.ts";
import { withRootfs } from "../snapshots/rootfs-view.ts";
import { findImage, openImage } from "./images.ts";
import { ensureUnpacked } from "./unpack.ts";

export const INSTALL_DIRECTORY = "/opt/containerd";
/** How the names of files begin that are being copied. */
const DRAFT_PREFIX = ".ctr-install-";

export interface InstallOptions {
  /** Exists, except for the usual one. */
  directory: string;
  /** The image's `lib` as well as its `bin`. */
  hasLibs?: boolean;
  /** Files of the same names give way. */
  replaces?: boolean;
}

interface Source {
  fd: number;
  /** `bin` or `lib`. */
  name: string;
  files: Name[];
}

/**
 * Copies the files that are right in an image's `bin` to the directory's, programs for this host that are no
 * container. Links are copied as links; set-user-id bits are not: an image should not make users of this host root.
 * What is there already is told before anything is changed, and each file appears whole; what an earlier
 * installation left that was killed is removed. Throws NotFound for the image or its `bin`, AlreadyExists.
 */
export async function installImage(
  client: Client,
  name: string,
  { directory, hasLibs = false, replaces = false }: InstallOptions,
): Promise<void> {
  const chain = await ensureUnpacked(client, await openImage(client, await findImage(client, name)), {});
  const snapshotter = await client.snapshotter();
  await withLease(client, (lease) =>
    withReading(snapshotter, chain, lease, (mounts) =>
      withRootfs(client, mounts, async (openRootfs) => {
        const rootfs = await openRootfs();
        const sources = (hasLibs ? ["bin", "lib"] : ["bin"]).flatMap((part) => openSource(rootfs, part));
        if (sources.length === 0)
          throw new CtrError("NotFound", `directory /bin of image ${JSON.stringify(name)}`);
        try {
          if (!replaces) refuseExisting(sources, directory);
          for (const source of sources) await copySource(source, directory);
        } finally {
          for (const { fd } of sources) closeFd(fd);
        }
      }),
    ),
  );
}

function openSource(rootfs: string, part: string): Source[] {
  try {
    const fd = openAt(AT_FDCWD, join(rootfs, part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return [{ fd, name: part, files: readDirectory(fd).map((entry) => entry.name) }];
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return [];
    throw error;
  }
}

function refuseExisting(sources: readonly Source[], directory: string): void {
  for (const { name, files } of sources) {
    const taken = files.find((file) => isTaken(join(directory, name, nameText(file))));
    if (taken === undefined) continue;
    throw new CtrError("AlreadyExists", `cannot replace ${name}/${nameText(taken)} in ${directory}`, {
      hint: "give --replace to replace it",
    });
  }
}

/** By a link to nothing too. */
const isTaken = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

async function copySource({ fd, name, files }: Source, directory: string): Promise<void> {
  const path = join(directory, name);
  try {
    mkdirSync(path, { recursive: directory === INSTALL_DIRECTORY });
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw asSysError(error, path);
  }
  using target = await openDraftDirectory(path, (name) => nameText(name).startsWith(DRAFT_PREFIX));
  for (const file of files) copyFile(fd, target.fd, file);
  syncDirectory(path);
}

/** Under another name first; what is neither file nor link is passed over. */
function copyFile(sourceFd: number, targetFd: number, file: Name): void {
  const stat = statAt(sourceFd, file);
  if (!isRegularFile(stat) && !isLink(stat)) return;
  const draft = `${DRAFT_PREFIX}${randomHex(9)}`;
  try {
    if (isLink(stat)) symlinkAt(readLinkAt(sourceFd, file), targetFd, draft);
    else copyBytes(sourceFd, file, targetFd, draft);
    renameAt(targetFd, draft, targetFd, file);
  } catch (error) {
    removeDraft(targetFd, draft);
    throw error;
  }
}

function copyBytes(sourceFd: number, file: Name, targetFd: number, draft: string): void {
  const from = openAt(sourceFd, file, O_RDONLY | O_NOFOLLOW);
  try {
    copyFileSync(`/proc/self/fd/${from}`, procPath(targetFd, draft).toString(), constants.COPYFILE_EXCL);
    const to = openAt(targetFd, draft, O_RDONLY | O_NOFOLLOW);
    try {
      chmodFd(to, statFd(from).mode & 0o777);
      syncFd(to);
    } finally {
      closeFd(to);
    }
  } finally {
    closeFd(from);
  }
}
