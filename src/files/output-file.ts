import { closeSync, openSync, realpathSync, type Stats, statSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { randomHex } from "../core/random.ts";
import { chmodFd } from "../sys/attributes.ts";
import { linkFd } from "../sys/entries.ts";
import { asSysError, hasErrno, SysError } from "../sys/errno.ts";
import { type Name, nameText } from "../sys/libc.ts";
import { AT_FDCWD, O_CREAT, O_EXCL, O_TMPFILE, O_WRONLY, openAt } from "../sys/open.ts";
import { syncFd } from "../sys/storage.ts";
import { TEMPORARY_PREFIX } from "./atomic-write.ts";
import { type DraftDirectory, openDraftDirectory } from "./drafts.ts";
import { renameDurably } from "./durable.ts";

/** A file on its way to its name. Disposing one that is not committed leaves nothing of it. */
export interface OutputFile extends Disposable {
  write(bytes: Uint8Array): void;
  /** Gives it the name, durably, in place of what had it. */
  commit(): void;
}

const NEW_FILE_MODE = 0o666;
const PERMISSIONS = 0o7777;

/**
 * A file of the user's that appears whole or not at all: as long as it is written it has no name where the filesystem
 * can do that, and so nothing is left after a kill either; where it has one, the next file of that name removes it. One
 * that is replaced passes its permissions on; a link is followed; a pipe or device is written to as it is. Throws
 * `SysError`.
 */
export async function openOutputFile(path: string): Promise<OutputFile> {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new SysError("EISDIR", "open", path);
  if (there && !there.isFile()) return openInPlace(path);
  const target = there ? realpathSync(path) : path;
  const prefix = temporaryPrefix(target);
  const isDraft = (name: Name) => nameText(name).replace(/[0-9a-f]{12}$/, "") === prefix;
  const drafts = await openDraftDirectory(dirname(target), isDraft);
  try {
    return new PendingFile(openDraft(target), { target, replaced: there, drafts });
  } catch (error) {
    drafts[Symbol.dispose]();
    throw error;
  }
}

interface Draft {
  fd: number;
  /** Undefined for one without a name. */
  temporary?: string;
}

function openDraft(target: string): Draft {
  try {
    return { fd: openAt(AT_FDCWD, dirname(target), O_TMPFILE | O_WRONLY, NEW_FILE_MODE) };
  } catch (error) {
    // EISDIR and ENOENT come from kernels, the others from filesystems, that do not know the flag.
    if (!hasErrno(error, "EOPNOTSUPP", "EISDIR", "EINVAL")) throw error;
  }
  const temporary = temporaryName(target);
  return { fd: openAt(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, NEW_FILE_MODE), temporary };
}

interface Destination {
  target: string;
  replaced: Stats | undefined;
  drafts: DraftDirectory;
}

class PendingFile implements OutputFile {
  readonly #target: string;
  readonly #replaced: Stats | undefined;
  readonly #drafts: DraftDirectory;
  #fd: number | undefined;
  #temporary: string | undefined;

  constructor({ fd, temporary }: Draft, { target, replaced, drafts }: Destination) {
    this.#fd = fd;
    this.#target = target;
    this.#replaced = replaced;
    this.#drafts = drafts;
    this.#temporary = temporary;
  }

  write(bytes: Uint8Array): void {
    writeAll(this.#fd!, bytes, this.#target);
  }

  commit(): void {
    const fd = this.#fd!;
    if (this.#replaced) chmodFd(fd, this.#replaced.mode & PERMISSIONS);
    syncFd(fd);
    if (!this.#temporary) {
      const temporary = temporaryName(this.#target);
      linkFd(fd, temporary);
      this.#temporary = temporary;
    }
    renameDurably(this.#temporary, this.#target);
    this.#temporary = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#temporary) unlinkSync(this.#temporary);
    this.#temporary = undefined;
    this.#drafts[Symbol.dispose]();
  }
}

function openInPlace(path: string): OutputFile {
  let fd: number;
  try {
    fd = openSync(path, "w");
  } catch (error) {
    throw asSysError(error, path);
  }
  return {
    write: (bytes) => writeAll(fd, bytes, path),
    commit() {},
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function temporaryName(target: string): string {
  return join(dirname(target), `${temporaryPrefix(target)}${randomHex(6)}`);
}

const temporaryPrefix = (target: string): string => `${TEMPORARY_PREFIX}${basename(target).slice(0, 100)}-`;

function writeAll(fd: number, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch (error) {
    throw asSysError(error, path);
  }
}
