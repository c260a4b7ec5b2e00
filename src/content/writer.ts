import { closeSync, fchmodSync, fstatSync, fsync, ftruncateSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ContentWriter, IngestStatus } from "../core/content.ts";
import { type Digest, splitDigest } from "../core/digest.ts";
import { Digester } from "../core/digester.ts";
import { CtrError, hasCode, ifPresent } from "../core/errors.ts";
import { type Labels, mergeLabels, validateLabels } from "../core/labels.ts";
import type { ContentRecordStore } from "../core/records.ts";
import { holdOffCollector } from "../files/collection-lock.ts";
import { makeDirectoryDurably, syncDirectoryAside } from "../files/durable.ts";
import { asSysError } from "../sys/errno.ts";
import { hashFd, hashFile } from "./hash.ts";
import { dropIngest, type HeldIngest, markDamaged, openIngestData, readIngest } from "./ingest.ts";
import { blobPath, blobSize, type ContentLayout } from "./layout.ts";

const sync = promisify(fsync);

export interface IngestTarget {
  layout: ContentLayout;
  records: ContentRecordStore;
  ref: string;
  expected: { digest?: Digest; size?: number; mediaType?: string };
  isOneOff: boolean;
}

/** Goes on after the bytes on disk, whose hash is taken again: no state of it outlives its process. */
export async function resumeIngest(held: HeldIngest, target: IngestTarget): Promise<ContentWriter> {
  const total = target.expected.size ?? 0;
  const fd = openIngestData(held, total);
  try {
    const digester = new Digester(target.expected.digest);
    const offset = fstatSync(fd).size === 0 ? 0 : await hashFd(fd, digester);
    return new IngestWriter(held, target, { fd, digester, offset });
  } catch (error) {
    closeSync(fd);
    throw asSysError(error, held.directory);
  }
}

class IngestWriter implements ContentWriter {
  readonly #held: HeldIngest;
  readonly #target: IngestTarget;
  readonly #fd: number;
  #digester: Digester;
  #offset: number;
  #isOpen = true;
  #failure: unknown;

  constructor(
    held: HeldIngest,
    target: IngestTarget,
    at: { fd: number; digester: Digester; offset: number },
  ) {
    this.#held = held;
    this.#target = target;
    this.#fd = at.fd;
    this.#digester = at.digester;
    this.#offset = at.offset;
  }

  status(): IngestStatus {
    const { startedAt = new Date(), updatedAt = startedAt } = readIngest(this.#held.directory) ?? {};
    const { ref, expected } = this.#target;
    return { ref, offset: this.#offset, total: expected.size ?? 0, startedAt, updatedAt };
  }

  /**
   * Into the page cache, which takes microseconds for what a network delivers at a time: a trip through the thread
   * pool costs more than that, and hashing, the larger part, cannot leave this thread anyway.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#requireUsable();
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      // Some of it may be on disk and in no hash: whoever resumes starts from what the disk says.
      this.#failure = asSysError(error, this.#held.directory);
      throw this.#failure;
    }
    this.#digester.update(chunk);
    this.#offset += chunk.length;
  }

  async truncate(): Promise<void> {
    this.#requireUsable();
    try {
      ftruncateSync(this.#fd, 0);
    } catch (error) {
      throw asSysError(error, this.#held.directory);
    }
    this.#digester = new Digester(this.#target.expected.digest);
    this.#offset = 0;
  }

  async commit(want: { size?: number; digest?: Digest; labels?: Labels } = {}): Promise<Digest> {
    try {
      this.#requireUsable();
      validateLabels(want.labels ?? {});
      const digest = await this.#verify(want.size, want.digest);
      fchmodSync(this.#fd, 0o444);
      await sync(this.#fd);
      await this.#publish(digest, want.labels ?? {});
      return digest;
    } catch (error) {
      throw asSysError(error, this.#held.directory);
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
    if (this.#target.isOneOff) dropIngest(this.#held);
    else this.#held.lock[Symbol.dispose]();
  }

  async #verify(size: number | undefined, wanted: Digest | undefined): Promise<Digest> {
    if (size !== undefined && size !== this.#offset) {
      if (this.#offset > size) markDamaged(this.#held);
      const what = `${JSON.stringify(this.#target.ref)} failed size validation: ${this.#offset} != ${size}`;
      throw new CtrError("FailedPrecondition", what);
    }
    const digest = await this.#digestLike(wanted);
    if (wanted !== undefined && wanted !== digest) {
      markDamaged(this.#held);
      throw new CtrError("FailedPrecondition", `unexpected commit digest ${digest}, expected ${wanted}`);
    }
    return digest;
  }

  /** What was written without a word of another algorithm is read once more for it. */
  async #digestLike(wanted: Digest | undefined): Promise<Digest> {
    const isOther = wanted !== undefined && splitDigest(wanted).algorithm !== this.#digester.algorithm;
    if (!isOther) return this.#digester.digest();
    const other = new Digester(wanted);
    await hashFile(join(this.#held.directory, "data"), other);
    return other.digest();
  }

  /** Gives the bytes their name, then the namespace its row: a crash in between leaves litter, never a row without bytes. */
  async #publish(digest: Digest, labels: Labels): Promise<void> {
    const { layout, records, expected } = this.#target;
    const path = blobPath(layout, digest);
    makeDirectoryDurably(dirname(path), 0o700);
    using _ = await holdOffCollector(layout.root);
    const wasWhole = blobSize(layout, digest) === this.#offset;
    const wasKnown = hasRecord(records, digest);
    if (!wasWhole || !wasKnown) {
      // Replacing a whole file changes nothing, and repairs one that only looks whole.
      renameSync(join(this.#held.directory, "data"), path);
      await syncDirectoryAside(dirname(path));
      if (
        addRecord(records, { digest, size: this.#offset, labels, mediaType: expected.mediaType }, wasKnown)
      ) {
        dropIngest(this.#held);
        return;
      }
    }
    dropIngest(this.#held);
    throw new CtrError("AlreadyExists", `content ${digest}`);
  }

  #requireUsable(): void {
    if (this.#failure) throw this.#failure;
    if (!this.#isOpen) {
      throw new CtrError("FailedPrecondition", `writer of ${JSON.stringify(this.#target.ref)} is closed`);
    }
  }
}

export function hasRecord(records: ContentRecordStore, digest: Digest): boolean {
  return ifPresent(() => records.get(digest)) !== undefined;
}

/** Whether the row is new, or had lost its bytes and has them back (`isRepair`). */
function addRecord(
  records: ContentRecordStore,
  draft: { digest: Digest; size: number; labels: Labels; mediaType?: string },
  isRepair: boolean,
): boolean {
  try {
    records.create(draft);
    return true;
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    if (isRepair) {
      records.update(draft.digest, (record) => ({
        ...record,
        size: draft.size,
        labels: mergeLabels(record.labels, draft.labels),
      }));
    }
    return isRepair;
  }
}
