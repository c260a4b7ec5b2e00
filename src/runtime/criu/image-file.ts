/**
 * Files of a criu image directory, as far as we look into them: two magic numbers, then protobuf messages with their
 * lengths before them (criu.org, "Images").
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { CtrError } from "../../core/errors.ts";
import { decodeMessage, encodeMessage, type ProtoField } from "../../core/protobuf.ts";

const HEADER_BYTES = 8;
const LENGTH_BYTES = 4;
/** A hundred bytes or so for each open file: more than any container may have. */
const MAX_BYTES = 64 << 20;

export interface CriuImage {
  header: Buffer;
  entries: ProtoField[][];
}

/** Throws InvalidArgument naming the file when it is no such image. */
export function readCriuImage(path: string): CriuImage {
  const subject = `criu image ${path.slice(path.lastIndexOf("/") + 1)}`;
  const bytes = readBounded(path, subject);
  const entries: ProtoField[][] = [];
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    const start = at + LENGTH_BYTES;
    const end = start <= bytes.length ? start + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new CtrError("InvalidArgument", `${subject} is cut off`);
    entries.push(decodeMessage(bytes.subarray(start, end), subject));
    at = end;
  }
  return { header: bytes.subarray(0, HEADER_BYTES), entries };
}

/** A checkpoint may come from anywhere. Throws InvalidArgument for a file that is missing, or absurdly large. */
export function readBounded(path: string, subject: string): Buffer {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new CtrError("InvalidArgument", `${subject} is missing`);
  if (status.size > MAX_BYTES) throw new CtrError("InvalidArgument", `${subject} has ${status.size} bytes`);
  return readFileSync(path);
}

export function writeCriuImage(path: string, { header, entries }: CriuImage): void {
  const messages = entries.map(encodeMessage);
  const pieces = messages.flatMap((message) => {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(message.length);
    return [length, message];
  });
  writeFileSync(path, Buffer.concat([header, ...pieces]), { mode: 0o600 });
}
