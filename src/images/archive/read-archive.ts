import { CtrError } from "../../core/errors.ts";
import { MAX_DOCUMENT_BYTES } from "../../core/manifest.ts";
import { quote } from "../../core/quote.ts";
import type { TarHeader } from "../../tar/header.ts";
import { type TarEvent, TarReader } from "../../tar/reader.ts";
import { BlobSink, type Sink, type StoreContext, type StoredFile } from "./blob-sink.ts";
import { digestOfMember, linkedName, memberName, memberNames } from "./members.ts";

/** What an archive holds, its blobs in the content store. Members are named as `memberName` has them. */
export interface ArchiveContents {
  /** oci-layout, index.json and manifest.json: those that are there. */
  documents: ReadonlyMap<string, Uint8Array>;
  files: ReadonlyMap<string, StoredFile>;
  links: ReadonlyMap<string, string>;
}

export interface ReadArchiveContext extends StoreContext {
  /** Bytes of the uncompressed archive taken in so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** An archive of more members is no image: what is remembered of each must stay little. */
const MAX_MEMBERS = 100_000;
/** Behind the archive's end, or in extended headers without an entry: more leads nowhere. */
const MAX_IDLE_BYTES = 16 << 20;

const DOCUMENTS: readonly string[] = Object.values(memberNames);
/** What `docker save` adds for readers from before 2016. */
const OBSOLETE = /^repositories$|(?:^|\/)(?:VERSION|json)$/;

/**
 * Takes an archive apart as it comes, in any order of its members, holding no more than its documents in memory: what
 * can be a blob goes straight into the content store. On failure the blobs so far are in the store, for the collector.
 * Throws InvalidArgument, DataLoss and ResourceExhausted, naming the entry, for what is damaged or hostile.
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  context: ReadArchiveContext,
): Promise<ArchiveContents> {
  const tar = new TarReader();
  const intake = new Intake(context);
  let bytesIn = 0;
  let idleBytes = 0;
  try {
    for await (const chunk of source) {
      context.signal?.throwIfAborted();
      if (bytesIn === 0) refuseUnknownCompression(chunk);
      tar.push(chunk);
      bytesIn += chunk.length;
      idleBytes += chunk.length;
      for (let event = tar.next(); event !== undefined; event = tar.next()) {
        idleBytes = 0;
        await intake.take(event);
      }
      context.onProgress?.(bytesIn);
      if (idleBytes > MAX_IDLE_BYTES) break;
    }
    tar.finish();
  } catch (error) {
    await intake.drop();
    throw error;
  }
  return intake;
}

class Intake implements ArchiveContents {
  readonly documents = new Map<string, Uint8Array>();
  readonly files = new Map<string, StoredFile>();
  readonly links = new Map<string, string>();
  readonly #context: ReadArchiveContext;
  #members = 0;
  #name = "";
  #sizeBytes = 0;
  #takenBytes = 0;
  #sink: Sink | undefined;

  constructor(context: ReadArchiveContext) {
    this.#context = context;
  }

  async take(event: TarEvent): Promise<void> {
    if (event.kind === "entry") return this.#begin(event.header);
    if (event.kind === "end") return this.#end();
    // Holes would have to be filled: no tool writes blobs so, and a few bytes could promise an endless one.
    if (this.#sink && event.offset !== this.#takenBytes) throw this.#refuse("is a sparse file");
    this.#takenBytes += event.bytes.length;
    await this.#sink?.write(event.bytes);
  }

  async drop(): Promise<void> {
    await this.#sink?.drop();
  }

  async #begin(header: TarHeader): Promise<void> {
    this.#members++;
    if (this.#members > MAX_MEMBERS) {
      throw new CtrError("ResourceExhausted", `archive of more than ${MAX_MEMBERS} entries`);
    }
    this.#name = memberName(header.name);
    this.#sizeBytes = header.sizeBytes;
    this.#takenBytes = 0;
    const { type } = header;
    if (type === "file") this.#sink = await this.#openSink();
    else if (type === "symlink" || type === "hardlink") this.#link(type, header.linkName);
    else if (type !== "directory" && isNeeded(this.#name)) throw this.#refuse(`is a ${type}, not a file`);
  }

  /** `docker save` names a layer that several images share by links. A document, or a blob by its digest, is none. */
  #link(kind: "symlink" | "hardlink", target: Buffer): void {
    const name = this.#name;
    if (isNeeded(name)) throw this.#refuse("is a link, not a file");
    this.links.set(name, linkedName(name, target, kind));
  }

  async #openSink(): Promise<Sink | undefined> {
    const name = this.#name;
    if (DOCUMENTS.includes(name)) return this.#openDocument();
    const digest = digestOfMember(name);
    // Below blobs/ nothing else is ever referred to.
    if (!digest && (name.startsWith("blobs/") || OBSOLETE.test(name))) return undefined;
    return BlobSink.open({ name, sizeBytes: this.#sizeBytes, digest }, this.#context, (file) => {
      const known = this.files.get(name);
      if (known && known.digest !== file.digest) throw this.#refuse("is there twice, with different content");
      this.files.set(name, file);
    });
  }

  #openDocument(): Sink {
    const name = this.#name;
    if (this.#sizeBytes > MAX_DOCUMENT_BYTES) {
      const words = `archive entry ${quote(name)} of ${this.#sizeBytes} bytes (at most ${MAX_DOCUMENT_BYTES})`;
      throw new CtrError("ResourceExhausted", words);
    }
    const chunks: Uint8Array[] = [];
    return {
      write: async (bytes) => void chunks.push(Buffer.from(bytes)),
      end: async () => {
        const document = Buffer.concat(chunks);
        const known = this.documents.get(name);
        if (known && !document.equals(known)) throw this.#refuse("is there twice, with different content");
        this.documents.set(name, document);
      },
      drop: async () => {},
    };
  }

  async #end(): Promise<void> {
    const sink = this.#sink;
    if (!sink) return;
    if (this.#takenBytes !== this.#sizeBytes) throw this.#refuse("is a sparse file");
    await sink.end();
    this.#sink = undefined;
  }

  #refuse(words: string): CtrError {
    return new CtrError("InvalidArgument", `archive entry ${quote(this.#name)} ${words}`);
  }
}

/** Docker reads these two as well; a clear word is better than "no tar". */
function refuseUnknownCompression(head: Uint8Array): void {
  const start = Buffer.from(head.subarray(0, 6)).toString("latin1");
  const program = start === "\xfd7zXZ\0" ? "xz" : start.startsWith("BZh") ? "bzip2" : undefined;
  if (!program) return;
  throw new CtrError("NotImplemented", `archive compressed by ${program}`, {
    hint: `decompress it first: ${program} -dc ARCHIVE | ctr images import -`,
  });
}

function isNeeded(name: string): boolean {
  return DOCUMENTS.includes(name) || digestOfMember(name) !== undefined;
}
