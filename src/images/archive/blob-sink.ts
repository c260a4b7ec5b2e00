import type { ContentStore, ContentWriter } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import { Digester } from "../../core/digester.ts";
import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { randomHex } from "../../core/random.ts";

export interface StoreContext {
  content: ContentStore;
  /** Told of each blob before it exists, so that a lease holds it. */
  protect: (digest: Digest) => void;
  /** What the disk has left. */
  availableBytes: () => number;
}

/** One member of an archive on its way somewhere. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** The member is whole. */
  end(): Promise<void>;
  /** The archive has failed before its end. Never throws. */
  drop(): Promise<void>;
}

export interface StoredFile {
  digest: Digest;
  size: number;
  /** Its first bytes, which tell how it is compressed. */
  head: Uint8Array;
}

const HEAD_BYTES = 4;

/**
 * Streams a member into the content store. With a digest promised, the bytes must have it, and pass by unread where
 * the store has the blob already; without one, `onStored` learns it.
 */
export class BlobSink implements Sink {
  readonly #name: string;
  readonly #context: StoreContext;
  readonly #onStored: (file: StoredFile) => void;
  #writer: ContentWriter | undefined;
  #digester: Digester | undefined;
  #promised: Digest | undefined;
  #head: Buffer = Buffer.alloc(0);
  #size = 0;

  private constructor(name: string, context: StoreContext, onStored: (file: StoredFile) => void) {
    this.#name = name;
    this.#context = context;
    this.#onStored = onStored;
  }

  /** Throws ResourceExhausted for a member that cannot fit on the disk, before a byte of it is written. */
  static async open(
    member: { name: string; sizeBytes: number; digest?: Digest },
    context: StoreContext,
    onStored: (file: StoredFile) => void,
  ): Promise<BlobSink> {
    const { name, sizeBytes, digest } = member;
    const available = context.availableBytes();
    if (sizeBytes > available) {
      const words = `archive entry ${quote(name)} of ${sizeBytes} bytes, where ${available} are free`;
      throw new CtrError("ResourceExhausted", words);
    }
    const sink = new BlobSink(name, context, onStored);
    sink.#promised = digest;
    if (digest) {
      context.protect(digest);
      await dropAltered(context.content, digest);
    } else {
      sink.#digester = new Digester();
    }
    await sink.#openWriter(sizeBytes);
    return sink;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#head.length < HEAD_BYTES) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES - this.#head.length)]);
    }
    this.#size += bytes.length;
    this.#digester?.update(bytes);
    await this.#writer?.write(bytes);
  }

  async end(): Promise<void> {
    const digest = this.#promised ?? this.#digester!.digest();
    if (!this.#promised) this.#context.protect(digest);
    try {
      await this.#writer?.commit({ size: this.#size, digest });
    } catch (error) {
      if (!hasCode(error, "AlreadyExists")) {
        await this.drop();
        throw hasCode(error, "FailedPrecondition") ? this.#altered(error) : error;
      }
    }
    this.#writer = undefined;
    this.#onStored({ digest, size: this.#size, head: this.#head });
  }

  async drop(): Promise<void> {
    try {
      await this.#writer?.[Symbol.asyncDispose]();
    } catch {
      // What cannot be dropped now is litter, which the collector removes.
    }
    this.#writer = undefined;
  }

  async #openWriter(sizeBytes: number): Promise<void> {
    const { content } = this.#context;
    const expected = this.#promised ? { digest: this.#promised, size: sizeBytes } : { size: sizeBytes };
    try {
      this.#writer = await content.writer(`import-${randomHex(8)}`, { expected, isOneOff: true });
    } catch (error) {
      if (!this.#promised || !hasCode(error, "AlreadyExists")) throw error;
      if ((await content.info(this.#promised)).size !== sizeBytes) throw this.#altered();
    }
  }

  #altered(cause?: CtrError): CtrError {
    return new CtrError("DataLoss", `archive entry ${quote(this.#name)} is not what its name says`, {
      cause,
      hint: "the archive is damaged or was tampered with: make or fetch it again",
    });
  }
}

/** Bytes that the disk has altered since are dropped, so that the archive's take their place. */
async function dropAltered(content: ContentStore, digest: Digest): Promise<void> {
  await ifPresent(async () => {
    if (!(await content.verify(digest, { ifTouched: true }))) await content.discardBytes(digest);
  });
}
