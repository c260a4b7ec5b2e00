import type { ContentStore } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import { Digester } from "../../core/digester.ts";
import { CtrError } from "../../core/errors.ts";
import { paddingAfter, tarEndBytes, tarHeaderBytes } from "../../tar/writer.ts";
import type { Member } from "./export-members.ts";

/** Takes bytes in order; they may be reused once it returns. */
export type WriteBytes = (bytes: Uint8Array) => void;

export interface WriteArchiveOptions {
  content: ContentStore;
  write: WriteBytes;
  /** Bytes written so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** Bytes of the whole archive. */
export function archiveSizeBytes(members: readonly Member[]): number {
  const sizes = members.map((member) => {
    const size = sizeOf(member);
    return headerOf(member).length + size + paddingAfter(size).length;
  });
  return sizes.reduce((sum, size) => sum + size, tarEndBytes().length);
}

/** Writes the archive, hashing each blob on its way. Throws DataLoss for one that is damaged: stop using the archive. */
export async function writeArchive(
  members: readonly Member[],
  { content, write, onProgress, signal }: WriteArchiveOptions,
): Promise<void> {
  let written = 0;
  const put = (bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    write(bytes);
    written += bytes.length;
    onProgress?.(written);
  };
  for (const member of members) {
    put(headerOf(member));
    if (member.content instanceof Uint8Array) put(member.content);
    else if (member.content) await putBlob(member.content, content, put, signal);
    put(paddingAfter(sizeOf(member)));
  }
  put(tarEndBytes());
}

function headerOf(member: Member): Buffer {
  const { name, mode, content } = member;
  const type = content ? "file" : "directory";
  return tarHeaderBytes({ name: Buffer.from(name), type, mode, sizeBytes: sizeOf(member) });
}

function sizeOf({ content }: Member): number {
  if (!content) return 0;
  return content instanceof Uint8Array ? content.length : content.size;
}

async function putBlob(
  { digest, size }: Descriptor,
  content: ContentStore,
  put: WriteBytes,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digester = new Digester(digest);
  await using reader = await content.reader(digest);
  if (reader.size === size) {
    for await (const chunk of reader.stream()) {
      signal?.throwIfAborted();
      digester.update(chunk);
      put(chunk);
    }
    if (digester.digest() === digest) return;
  }
  throw new CtrError("DataLoss", `content ${digest} is damaged`, {
    hint: "mend it with: ctr images check --repair",
  });
}
