import { basename } from "node:path";
import { withSubject } from "../core/errors.ts";
import { openInputStream } from "../files/input-stream.ts";
import { hasErrno } from "../sys/errno.ts";

export interface OpenArchive extends AsyncDisposable {
  stream: AsyncIterable<Uint8Array>;
  name: string;
  sizeBytes?: number;
}

/** The file, or standard input for `-`. */
export function openArchive(path: string): OpenArchive {
  if (path === "-") {
    return { stream: Bun.stdin.stream(), name: "standard input", async [Symbol.asyncDispose]() {} };
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
