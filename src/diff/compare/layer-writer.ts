import { readSync } from "node:fs";
import { CtrError } from "../../core/errors.ts";
import { openBelow } from "../../files/resolve-below.ts";
import { readLinkAt, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from "../../sys/entries.ts";
import { closeFd, O_NOFOLLOW, O_PATH, O_RDONLY, openAt } from "../../sys/open.ts";
import type { TarEntryType, TarTime } from "../../tar/header.ts";
import { paddingAfter, type TarDraft, tarEndBytes, tarHeaderBytes } from "../../tar/writer.ts";
import { asName, type BytePath, baseOf, bytesOf, parentOf, quotePath } from "../byte-path.ts";
import { type Change, isLinked } from "./changes.ts";
import { capabilityOf, type Entry, findEntry, typeOf } from "./entry.ts";

const CHUNK_BYTES = 256 << 10;
const CAPABILITY = "security.capability";
const EPOCH: TarTime = { seconds: 0, nanoseconds: 0 };

const TYPES: ReadonlyMap<number, TarEntryType> = new Map([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
]);

export interface LayerOptions {
  /** No time in the layer is later; whiteouts have exactly this one, 1970 without it. */
  sourceDateEpoch?: Date;
}

/**
 * The archive that containerd would write for the same changes, so that it has the same entries in the same order:
 * times in whole seconds, of the extended attributes `security.capability` alone, sockets left out, and before each
 * entry the directories above it.
 */
export class LayerWriter {
  readonly #rootFd: number;
  readonly #epoch: TarTime | undefined;
  readonly #writtenDirectories = new Set<BytePath>([""]);
  /** Per hardlinked file, the name that has its bytes, or the unchanged names met before one that has. */
  readonly #linkSources = new Map<string, BytePath>();
  readonly #unchangedLinks = new Map<string, BytePath[]>();

  /** `rootFd`: the tree as it is now. */
  constructor(rootFd: number, { sourceDateEpoch }: LayerOptions) {
    this.#rootFd = rootFd;
    this.#epoch = sourceDateEpoch && {
      seconds: Math.floor(sourceDateEpoch.getTime() / 1000),
      nanoseconds: 0,
    };
  }

  *write(change: Change): Generator<Uint8Array> {
    if (change.kind === "deleted") yield* this.#writeWhiteout(change.path);
    else yield* this.#writeEntry(change.path, change.entry, change.kind === "unchanged");
  }

  end(): Uint8Array {
    return tarEndBytes();
  }

  *#writeWhiteout(path: BytePath): Generator<Uint8Array> {
    const parent = parentOf(path);
    const name = `${parent === "" ? "" : `${parent}/`}.wh.${baseOf(path)}`;
    yield* this.#writeDraft(name, { type: "file", modified: this.#epoch ?? EPOCH });
  }

  *#writeEntry(path: BytePath, entry: Entry, isUnchanged: boolean): Generator<Uint8Array> {
    const type = TYPES.get(typeOf(entry));
    if (type === undefined || (isUnchanged && !isLinked(entry))) return;
    const draft = this.#draftOf(entry, type);
    if (!isLinked(entry)) {
      yield* this.#writeWhole(path, entry, draft);
      return;
    }
    const file = inodeKey(entry);
    const source = this.#linkSources.get(file);
    if (source !== undefined) yield* this.#writeLink(path, source, draft);
    else if (isUnchanged) this.#unchangedLinks.set(file, [...(this.#unchangedLinks.get(file) ?? []), path]);
    else {
      this.#linkSources.set(file, path);
      yield* this.#writeWhole(path, entry, draft);
      for (const earlier of this.#unchangedLinks.get(file) ?? [])
        yield* this.#writeLink(earlier, path, draft);
      this.#unchangedLinks.delete(file);
    }
  }

  #draftOf(entry: Entry, type: TarEntryType): Omit<TarDraft, "name"> {
    const { mode, uid, gid, sizeBytes, nodeMajor, nodeMinor, modified } = entry.stat;
    const capability = capabilityOf(entry);
    return {
      type,
      mode: mode & 0o7777,
      uid,
      gid,
      sizeBytes: type === "file" ? sizeBytes : 0,
      modified: this.#bounded(modified.seconds),
      linkName:
        type === "symlink"
          ? Buffer.from(bytesOf(readLinkAt(entry.directoryFd, entry.name)), "latin1")
          : undefined,
      deviceMajor: nodeMajor,
      deviceMinor: nodeMinor,
      xattrs: capability.length > 0 ? [{ key: CAPABILITY, value: capability }] : [],
    };
  }

  #bounded(seconds: number): TarTime {
    return this.#epoch && seconds > this.#epoch.seconds ? this.#epoch : { seconds, nanoseconds: 0 };
  }

  *#writeLink(path: BytePath, source: BytePath, draft: Omit<TarDraft, "name">): Generator<Uint8Array> {
    const linkName = Buffer.from(source, "latin1");
    yield* this.#writeDraft(path, { ...draft, type: "hardlink", linkName, sizeBytes: 0 });
  }

  *#writeWhole(path: BytePath, entry: Entry, draft: Omit<TarDraft, "name">): Generator<Uint8Array> {
    yield* this.#writeDraft(path, draft);
    if (draft.type === "file" && entry.stat.sizeBytes > 0) yield* contentOf(path, entry);
  }

  *#writeDraft(path: BytePath, draft: Omit<TarDraft, "name">): Generator<Uint8Array> {
    yield* this.#writeParents(path);
    if (draft.type === "directory") this.#writtenDirectories.add(path);
    const shown = draft.type === "directory" ? `${path}/` : path;
    yield tarHeaderBytes({ ...draft, name: Buffer.from(shown, "latin1") });
  }

  *#writeParents(path: BytePath): Generator<Uint8Array> {
    const parent = parentOf(path);
    if (this.#writtenDirectories.has(parent)) return;
    this.#writtenDirectories.add(parent);
    const directoryFd = openBelow(this.#rootFd, asName(parentOf(parent)), O_PATH | O_NOFOLLOW);
    try {
      const entry = findEntry(directoryFd, asName(baseOf(parent)));
      if (entry !== undefined) yield* this.#writeDraft(parent, this.#draftOf(entry, "directory"));
    } finally {
      closeFd(directoryFd);
    }
  }
}

function inodeKey({ stat }: Entry): string {
  return `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
}

/** Exactly as many bytes as the header says. Throws Unavailable when the file became shorter meanwhile. */
function* contentOf(path: BytePath, { directoryFd, name, stat }: Entry): Generator<Uint8Array> {
  const fd = openAt(directoryFd, name, O_RDONLY | O_NOFOLLOW);
  try {
    for (let leftBytes = stat.sizeBytes; leftBytes > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(leftBytes, CHUNK_BYTES));
      const readBytes = readSync(fd, chunk);
      if (readBytes === 0) throw new CtrError("Unavailable", `${quotePath(path)} changed while it was read`);
      leftBytes -= readBytes;
      yield chunk.subarray(0, readBytes);
    }
  } finally {
    closeFd(fd);
  }
  yield paddingAfter(stat.sizeBytes);
}
