import { closeSync, fstatSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import { asSysError, SysError } from "../sys/errno.ts";

const CHUNK_BYTES = 512 * 1024;
const readNext = promisify(read);

export interface InputStream extends AsyncDisposable {
  stream: AsyncIterable<Uint8Array>;
  /** Undefined for what is no regular file. */
  sizeBytes: number | undefined;
}

/**
 * Opens a file, or a pipe by its name, to be read once from its beginning; the next chunk is read while the caller is
 * busy with this one. Throws `SysError`: EISDIR for a directory.
 */
export function openInputStream(path: string): InputStream {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw asSysError(error, path);
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) {
    closeSync(fd);
    throw new SysError("EISDIR", "read", path);
  }
  let reading: Promise<Uint8Array> | undefined;
  const readChunk = async () => {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const { bytesRead } = await readNext(fd, buffer, 0, CHUNK_BYTES, null);
    return buffer.subarray(0, bytesRead);
  };
  async function* stream() {
    for (;;) {
      reading ??= readChunk();
      const chunk = await reading.catch((error) => {
        throw asSysError(error, path);
      });
      if (chunk.length === 0) return;
      reading = readChunk();
      // Whoever stops early leaves this one behind; its failure is nobody's business then.
      reading.catch(() => {});
      yield chunk;
    }
  }
  return {
    stream: stream(),
    sizeBytes: stat.isFile() ? stat.size : undefined,
    /** Waits for a read under way of a file: its descriptor's number could be another file's by the time it runs. */
    async [Symbol.asyncDispose]() {
      if (stat.isFile()) await reading?.catch(() => {});
      closeSync(fd);
    },
  };
}
