import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { IngestStatus } from "../core/content.ts";
import { makeDirectoryDurably } from "../files/durable.ts";
import { listNames } from "../files/list-names.ts";
import { type LockFile, openLockFile } from "../files/lock-file.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { tryLock } from "../sys/lock.ts";
import { readSmallFile, removeFile } from "../sys/small-file.ts";
import type { ContentLayout } from "./layout.ts";

/**
 * In the order of their removal: while there is a `ref`, an ingest can be seen and aborted. Without one, or with
 * `oneoff`, nobody goes on with it once it has no writer.
 */
const FILES = ["data", "damaged", "total", "ref", "oneoff"] as const;
/** Whoever only looks whether an ingest has a writer, or removes it, has its lock for a moment. */
const PATIENCE_MS = 200;

/** An ingest that this process alone writes to. */
export interface HeldIngest {
  readonly directory: string;
  readonly lock: LockFile;
  isDropped?: true;
}

export function ingestId(namespace: string, ref: string): string {
  return new Bun.CryptoHasher("sha256").update(`${namespace}/${ref}`).digest("hex");
}

/** Makes or takes over the ingest of that ref. Throws Unavailable naming the writer that has it. */
export async function holdIngest(
  layout: ContentLayout,
  namespace: string,
  ref: string,
  { isOneOff }: { isOneOff: boolean },
): Promise<HeldIngest> {
  makeDirectoryDurably(layout.ingests, 0o700);
  const directory = join(layout.ingests, ingestId(namespace, ref));
  for (;;) {
    makeIngestDirectory(directory);
    const lock = await lockIngest(directory, ref, PATIENCE_MS);
    // Absent: an abort removed the directory between the two steps.
    if (!lock) continue;
    try {
      if (isOneOff) writeFileSync(join(directory, "oneoff"), "");
      else removeFile(join(directory, "oneoff"));
      // Its time is when the ingest began, so it is written only once.
      if (readSmallFile(join(directory, "ref")) !== ref) writeFileSync(join(directory, "ref"), ref);
      return { directory, lock };
    } catch (error) {
      dropIngest({ directory, lock });
      throw asSysError(error, directory);
    }
  }
}

/** Undefined when there is none. Throws Unavailable while it has a writer. */
export async function holdExistingIngest(directory: string, ref: string): Promise<HeldIngest | undefined> {
  const lock = await lockIngest(directory, ref, 0);
  return lock && { directory, lock };
}

async function lockIngest(directory: string, ref: string, timeoutMs: number): Promise<LockFile | undefined> {
  try {
    const subject = `ingest ${JSON.stringify(ref)}`;
    return await openLockFile(join(directory, "lock"), { timeoutMs, subject });
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Removes it and gives the lock back. */
export function dropIngest(held: HeldIngest): void {
  if (held.isDropped) return;
  held.isDropped = true;
  const { directory, lock } = held;
  for (const name of FILES) removeFile(join(directory, name));
  lock.remove();
  try {
    rmdirSync(directory);
  } catch (error) {
    // The next writer of that ref is quick and has moved in.
    if (!hasErrno(error, "ENOTEMPTY", "ENOENT")) throw asSysError(error, directory);
  }
}

/** Opens the bytes so far; a writer that noted another total, or found them damaged, starts over. */
export function openIngestData({ directory }: HeldIngest, totalBytes: number): number {
  try {
    const fd = openSync(join(directory, "data"), "a+", 0o600);
    try {
      const isDamaged = existsSync(join(directory, "damaged"));
      const isTooLong = totalBytes > 0 && statSync(join(directory, "data")).size > totalBytes;
      if (isDamaged || isTooLong) ftruncateSync(fd, 0);
      removeFile(join(directory, "damaged"));
      if (totalBytes > 0) writeFileSync(join(directory, "total"), String(totalBytes));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw asSysError(error, directory);
  }
}

/** Its bytes are no beginning of what was wanted, so going on from them could never succeed. */
export function markDamaged({ directory }: HeldIngest): void {
  writeFileSync(join(directory, "damaged"), "");
}

/** Those of one namespace; may miss what comes and goes meanwhile. */
export function listIngests(layout: ContentLayout, namespace: string): IngestStatus[] {
  return listNames(layout.ingests).flatMap((id) => {
    const status = readIngest(join(layout.ingests, id));
    return status && ingestId(namespace, status.ref) === id ? [status] : [];
  });
}

/** Whether nobody would go on with it, did it have no writer. */
export function isForNobody(directory: string): boolean {
  return existsSync(join(directory, "oneoff")) || !existsSync(join(directory, "ref"));
}

/** Whether it has a writer now. */
export function hasWriter(directory: string): boolean {
  let fd: number;
  try {
    fd = openSync(join(directory, "lock"), "r");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw asSysError(error, directory);
  }
  try {
    return !tryLock(fd, "shared");
  } finally {
    closeSync(fd);
  }
}

/** Undefined where there is no ref yet, or no longer. */
export function readIngest(directory: string): IngestStatus | undefined {
  const startedAt = statSync(join(directory, "ref"), { throwIfNoEntry: false })?.mtime;
  const ref = readSmallFile(join(directory, "ref"));
  if (!startedAt || !ref) return undefined;
  const data = statSync(join(directory, "data"), { throwIfNoEntry: false });
  const total = Number(readSmallFile(join(directory, "total")) ?? 0);
  return { ref, offset: data?.size ?? 0, total, startedAt, updatedAt: data?.mtime ?? startedAt };
}

function makeIngestDirectory(directory: string): void {
  try {
    mkdirSync(directory, 0o700);
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw asSysError(error, directory);
  }
}
