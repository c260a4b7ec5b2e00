import { readSync } from "node:fs";
import { readLinkAt, S_IFDIR, S_IFLNK, S_IFREG } from "../../sys/entries.ts";
import { isSameFile } from "../../sys/stat.ts";
import { bytesOf } from "../byte-path.ts";
import { capabilityOf, type Entry, typeOf, withFile } from "./entry.ts";

const CHUNK_BYTES = 128 << 10;

/**
 * containerd's rule, by which a layer of ours has the entries that one of its own would: type, mode, owner, device and
 * capabilities are equal, and for what is no directory size and time too. Whole seconds may have been cut off by an
 * archive: then the content decides. Other extended attributes do not count.
 */
export function isSameEntry(one: Entry, other: Entry): boolean {
  if (isSameFile(one.stat, other.stat)) return true;
  if (!hasSameOwnerAndMode(one, other)) return false;
  if (!Buffer.from(capabilityOf(one)).equals(capabilityOf(other))) return false;
  if (typeOf(one) === S_IFDIR) return true;
  if (one.stat.sizeBytes !== other.stat.sizeBytes) return false;
  const { modified } = one.stat;
  const { seconds, nanoseconds } = other.stat.modified;
  if (modified.seconds !== seconds || modified.nanoseconds !== nanoseconds) return false;
  return nanoseconds !== 0 || hasSameContent(one, other);
}

function hasSameOwnerAndMode({ stat: one }: Entry, { stat: other }: Entry): boolean {
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.nodeMajor === other.nodeMajor &&
    one.nodeMinor === other.nodeMinor
  );
}

/** Of two entries of the same type and size. Devices and FIFOs are not opened: that can hang, or do something. */
function hasSameContent(one: Entry, other: Entry): boolean {
  if (typeOf(one) === S_IFLNK) return linkTarget(one) === linkTarget(other);
  if (typeOf(one) !== S_IFREG) return true;
  return withFile(one, (oneFd) => withFile(other, (otherFd) => holdSameBytes(oneFd, otherFd)));
}

function linkTarget({ directoryFd, name }: Entry): string {
  return bytesOf(readLinkAt(directoryFd, name));
}

function holdSameBytes(oneFd: number, otherFd: number): boolean {
  const one = Buffer.allocUnsafe(CHUNK_BYTES);
  const other = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const length = readChunk(oneFd, one);
    if (readChunk(otherFd, other) !== length) return false;
    if (length === 0) return true;
    if (!one.subarray(0, length).equals(other.subarray(0, length))) return false;
  }
}

/** Fills the chunk unless the file ends. */
function readChunk(fd: number, chunk: Buffer): number {
  let length = 0;
  while (length < chunk.length) {
    const readBytes = readSync(fd, chunk, length, chunk.length - length, null);
    if (readBytes === 0) break;
    length += readBytes;
  }
  return length;
}
