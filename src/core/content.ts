import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { hasCode } from "./errors.ts";
import type { Labels } from "./labels.ts";

/** A blob as one namespace sees it. `size` is in bytes. */
export interface ContentInfo {
  digest: Digest;
  size: number;
  createdAt: Date;
  updatedAt: Date;
  labels: Labels;
}

/** An ingest: bytes on the way in, by whichever process. */
export interface IngestStatus {
  ref: string;
  offset: number;
  /** Bytes expected; 0 when unknown. */
  total: number;
  startedAt: Date;
  updatedAt: Date;
}

export interface ContentReader extends AsyncDisposable {
  readonly size: number;
  /** At most `length` bytes from `at`; fewer only at the end. */
  read(at: number, length: number): Promise<Uint8Array>;
  /** From `at` to the end, in chunks of the reader's choosing; the reader stays open. */
  stream(at?: number): AsyncIterable<Uint8Array>;
}

export interface ContentWriter extends AsyncDisposable {
  status(): IngestStatus;
  /** Appends. The chunk may be reused once the promise is settled. */
  write(chunk: Uint8Array): Promise<void>;
  /** Starts over at offset 0. */
  truncate(): Promise<void>;
  /**
   * Verifies, makes the bytes durable, then visible in this namespace: sync, rename, sync of the parent, row.
   * Always closes the writer, also on failure. Throws FailedPrecondition on a size or digest that differs (the
   * ingest is kept, so that `content active` shows it), AlreadyExists when the namespace has the blob (the ingest is
   * dropped).
   */
  commit(want?: { size?: number; digest?: Digest; labels?: Labels }): Promise<Digest>;
}

export interface WriterOptions {
  /**
   * What will be written, as far as it is known. A known digest that another namespace holds ends in AlreadyExists at
   * once.
   */
  expected?: Partial<Pick<Descriptor, "digest" | "size" | "mediaType">>;
  /** Nobody goes on with it: what is not committed goes with its writer, and with a collection where that was killed. */
  isOneOff?: boolean;
}

export interface ContentProvider {
  /** Throws NotFound when this namespace does not know the digest, DataLoss when its bytes are missing or short. */
  reader(digest: Digest): Promise<ContentReader>;
}

/**
 * The content store of one namespace. Bytes are shared by all namespaces on disk, visible only in those with a row.
 */
export interface ContentStore extends ContentProvider {
  /** Throws NotFound. */
  info(digest: Digest): Promise<ContentInfo>;
  /** In digest order; may miss concurrent changes and never throws for them. */
  walk(filters?: readonly string[]): AsyncIterable<ContentInfo>;
  /**
   * Continues the ingest of that ref where it stopped, also after its writer was killed. One writer per ref: throws
   * Unavailable naming the holder and since when. Disposing an uncommitted writer keeps the ingest resumable, unless it
   * is one-off. Throws AlreadyExists when `expected.digest` is visible here, or whole on disk through another
   * namespace: then it becomes visible here too.
   */
  writer(ref: string, options?: WriterOptions): Promise<ContentWriter>;
  /**
   * Replaces or, by `mergeLabels`' rule, merges labels inside one transaction; answers the result. A function answers
   * them from those that are there. Throws NotFound.
   */
  label(
    digest: Digest,
    labels: Labels | ((current: Labels) => Labels),
    mode?: "merge" | "replace",
  ): Promise<ContentInfo>;
  /** Removes the row; the bytes go with the last namespace's row. Throws NotFound. */
  delete(digest: Digest): Promise<void>;
  ingests(filters?: readonly string[]): Promise<IngestStatus[]>;
  /** Drops an ingest. Throws NotFound; Unavailable while its writer lives. */
  abort(ref: string): Promise<void>;
  /**
   * Whether the bytes on disk still hash to the digest. With `ifTouched` a file that nobody has changed since its row
   * was last written is trusted unread: that misses only what the disk itself has lost. Throws NotFound without a row.
   */
  verify(digest: Digest, options?: { ifTouched?: boolean }): Promise<boolean>;
  /** Drops damaged or missing bytes on disk so that the next writer fetches them again; rows and labels stay. */
  discardBytes(digest: Digest): Promise<void>;
}

/** Commits what was written; a blob that is there already gets the labels. Throws as `ContentWriter.commit` else. */
export async function commitOrLabel(
  content: ContentStore,
  writer: ContentWriter,
  { digest, size, labels }: { digest: Digest; size: number; labels: Labels },
): Promise<void> {
  try {
    await writer.commit({ digest, size, labels });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    await content.label(digest, labels);
  }
}
