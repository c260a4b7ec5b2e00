import { closeSync, fstatSync, openSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type {
  ContentInfo,
  ContentReader,
  ContentStore,
  ContentWriter,
  IngestStatus,
  WriterOptions,
} from "../core/content.ts";
import type { Digest } from "../core/digest.ts";
import { Digester } from "../core/digester.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import { compileFilters } from "../core/filters.ts";
import { type Labels, mergeLabels } from "../core/labels.ts";
import type { ContentRecord, ContentRecordStore } from "../core/records.ts";
import { holdOffCollector, keepWritersOut } from "../files/collection-lock.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { hashFd } from "./hash.ts";
import { dropIngest, holdExistingIngest, holdIngest, ingestId, listIngests } from "./ingest.ts";
import { blobPath, blobSize, type ContentLayout } from "./layout.ts";
import { openBlobReader } from "./reader.ts";
import { hasRecord, resumeIngest } from "./writer.ts";

/** Rows in the database, bytes below `layout`: what makes a blob visible is the row, what makes it whole the file. */
export class LocalContentStore implements ContentStore {
  readonly #layout: ContentLayout;
  readonly #namespace: string;
  readonly #records: ContentRecordStore;

  constructor(layout: ContentLayout, namespace: string, records: ContentRecordStore) {
    this.#layout = layout;
    this.#namespace = namespace;
    this.#records = records;
  }

  async info(digest: Digest): Promise<ContentInfo> {
    return this.#records.get(digest);
  }

  async reader(digest: Digest): Promise<ContentReader> {
    const { size } = this.#records.get(digest);
    return openBlobReader(blobPath(this.#layout, digest), digest, size);
  }

  async *walk(filters?: readonly string[]): AsyncIterable<ContentInfo> {
    yield* this.#records.list(filters);
  }

  async writer(ref: string, { expected = {}, isOneOff = false }: WriterOptions = {}): Promise<ContentWriter> {
    if (ref === "") throw new CtrError("InvalidArgument", "content writer needs a reference");
    if (expected.digest && (await this.#isThere(expected.digest, expected))) {
      throw new CtrError("AlreadyExists", `content ${expected.digest}`);
    }
    const held = await holdIngest(this.#layout, this.#namespace, ref, { isOneOff });
    try {
      const target = { layout: this.#layout, records: this.#records, ref, expected, isOneOff };
      return await resumeIngest(held, target);
    } catch (error) {
      held.lock[Symbol.dispose]();
      throw error;
    }
  }

  async label(
    digest: Digest,
    labels: Labels | ((current: Labels) => Labels),
    mode: "merge" | "replace" = "merge",
  ): Promise<ContentInfo> {
    return this.#records.update(digest, (record) => {
      const given = typeof labels === "function" ? labels(record.labels) : labels;
      return { ...record, labels: mode === "merge" ? mergeLabels(record.labels, given) : given };
    });
  }

  async delete(digest: Digest): Promise<void> {
    this.#records.delete(digest);
    if (this.#records.inAnyNamespace(digest)) return;
    using _ = await keepWritersOut(this.#layout.root);
    if (!this.#records.inAnyNamespace(digest)) removeBlobFile(this.#layout, digest);
  }

  async ingests(filters?: readonly string[]): Promise<IngestStatus[]> {
    const matches = compileFilters<IngestStatus>(filters, ({ ref }, [field]) =>
      field === "ref" ? ref : undefined,
    );
    return listIngests(this.#layout, this.#namespace).filter(matches);
  }

  async abort(ref: string): Promise<void> {
    const directory = join(this.#layout.ingests, ingestId(this.#namespace, ref));
    const held = await holdExistingIngest(directory, ref);
    if (!held) throw new CtrError("NotFound", `ingest ${JSON.stringify(ref)}`);
    dropIngest(held);
  }

  async verify(digest: Digest, { ifTouched = false } = {}): Promise<boolean> {
    const record = this.#records.get(digest);
    return this.#isSound(record, ifTouched);
  }

  /** Judges the bytes itself, and drops only the very file that it found bad: it may have been repaired meanwhile. */
  async discardBytes(digest: Digest): Promise<void> {
    const file = await hashBlob(this.#layout, digest);
    if (!file || file.digest === digest) return;
    using _ = await keepWritersOut(this.#layout.root);
    const now = statSync(blobPath(this.#layout, digest), { throwIfNoEntry: false });
    if (now?.ino === file.inode) removeBlobFile(this.#layout, digest);
  }

  /** Whoever writes to a file changes its ctime, and cannot set it back as it could its mtime. */
  async #isSound({ digest, size, updatedAt }: ContentRecord, ifTouched: boolean): Promise<boolean> {
    const file = statSync(blobPath(this.#layout, digest), { throwIfNoEntry: false });
    if (file?.size !== size) return false;
    if (ifTouched && Math.floor(file.ctimeMs) <= updatedAt.getTime()) return true;
    return (await hashBlob(this.#layout, digest))?.digest === digest;
  }

  /**
   * Whether the bytes are whole on disk; then this namespace sees them from now on. A file without any row is what
   * a crash left between its name and its row: it was verified and synced before it got the name.
   */
  async #isThere(digest: Digest, expected: NonNullable<WriterOptions["expected"]>): Promise<boolean> {
    if (blobSize(this.#layout, digest) === undefined) return false;
    using _ = await holdOffCollector(this.#layout.root);
    const size = blobSize(this.#layout, digest);
    const known = this.#records.inAnyNamespace(digest);
    if (known ? !(await this.#isSound(known, true)) : size !== (expected.size ?? size)) return false;
    if (size === undefined) return false;
    if (!hasRecord(this.#records, digest)) this.#adopt(digest, size, expected.mediaType);
    return true;
  }

  #adopt(digest: Digest, size: number, mediaType: string | undefined): void {
    try {
      this.#records.create({ digest, size, labels: {}, mediaType });
    } catch (error) {
      if (!hasCode(error, "AlreadyExists")) throw error;
    }
  }
}

/** Answers the bytes freed. */
export function removeBlobFile(layout: ContentLayout, digest: Digest): number {
  const path = blobPath(layout, digest);
  try {
    const { size } = statSync(path);
    unlinkSync(path);
    return size;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return 0;
    throw asSysError(error, path);
  }
}

/** What the file hashes to, and which file it was; undefined without one. */
async function hashBlob(
  layout: ContentLayout,
  digest: Digest,
): Promise<{ digest: Digest; inode: number } | undefined> {
  const path = blobPath(layout, digest);
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw asSysError(error, path);
  }
  try {
    const digester = new Digester(digest);
    await hashFd(fd, digester);
    return { digest: digester.digest(), inode: fstatSync(fd).ino };
  } catch (error) {
    throw asSysError(error, path);
  } finally {
    closeSync(fd);
  }
}
