import { basename } from "node:path";
import { withSubject } from "../core/errors.ts";
import { openInputStream } from "../files/input-stream.ts";
import { hasErrno } from "../sys/errno.ts";

export interface OpenArchive extends AsyncDisposable {
  stream: AsyncIterable<Uint8Array>;
  name: string;
  sizeBytes?: number;
}

/** The file, or standard input for `-`, whose silence `signal` ends. */
export function openArchive(path: string, signal: AbortSignal): OpenArchive {
  if (path === "-") {
    return { stream: readStdin(signal), name: "standard input", async [Symbol.asyncDispose]() {} };
  }
  try {
    const input = openInputStream(path);
    const { stream, sizeBytes } = input;
    return {
      stream,
      sizeBytes,
      name: basename(path),
      [Symbol.asyncDispose]: () => input[Symbol.asyncDispose](),
    };
  } catch (error) {
    throw hasErrno(error, "EISDIR") ? withSubject("give a tar archive", error) : error;
  }
}

async function* readStdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Bun.stdin.stream().getReader();
  const stop = () => void reader.cancel();
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
