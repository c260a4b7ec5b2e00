/** Protobuf's wire format (protobuf.dev, "Encoding"), for the few messages that we read or write ourselves. */
import { CtrError } from "./errors.ts";

/** A field as it stands in a message: an integer, or bytes (text, a message of its own, or fixed-width numbers). */
export interface ProtoField {
  number: number;
  wireType: number;
  value: bigint | Buffer;
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

export const integerField = (number: number, value: number | bigint): ProtoField => ({
  number,
  wireType: VARINT,
  value: BigInt(value),
});

export const bytesField = (number: number, value: Uint8Array | string): ProtoField => ({
  number,
  wireType: LENGTH_DELIMITED,
  value: Buffer.from(value as Uint8Array),
});

export function encodeMessage(fields: readonly ProtoField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, wireType, value }) => {
      const tag = encodeVarint(BigInt((number << 3) | wireType));
      if (typeof value === "bigint") return [tag, encodeVarint(value)];
      return wireType === LENGTH_DELIMITED ? [tag, encodeVarint(BigInt(value.length)), value] : [tag, value];
    }),
  );
}

/** All fields in the order they stand in. Throws InvalidArgument, `subject` before it, for bytes that are no message. */
export function decodeMessage(bytes: Uint8Array, subject: string): ProtoField[] {
  const cursor: Cursor = { bytes: Buffer.from(bytes), at: 0, subject };
  const fields: ProtoField[] = [];
  while (cursor.at < bytes.length) {
    const tag = readVarint(cursor);
    const wireType = Number(tag & 7n);
    fields.push({ number: Number(tag >> 3n), wireType, value: readValue(cursor, wireType) });
  }
  return fields;
}

/** The last field of that number, which is the one that counts: an integer, or undefined. */
export function integerOf(fields: readonly ProtoField[], number: number): bigint | undefined {
  const value = fields.findLast((field) => field.number === number)?.value;
  return typeof value === "bigint" ? value : undefined;
}

/** As `integerOf`, for bytes. */
export function bytesOf(fields: readonly ProtoField[], number: number): Buffer | undefined {
  const value = fields.findLast((field) => field.number === number)?.value;
  return typeof value === "bigint" ? undefined : value;
}

interface Cursor {
  bytes: Buffer;
  at: number;
  subject: string;
}

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(value)]);
}

function readValue(cursor: Cursor, wireType: number): bigint | Buffer {
  if (wireType === VARINT) return readVarint(cursor);
  if (wireType === FIXED_64) return readBytes(cursor, 8);
  if (wireType === FIXED_32) return readBytes(cursor, 4);
  if (wireType === LENGTH_DELIMITED) return readBytes(cursor, Number(readVarint(cursor)));
  throw noMessage(cursor);
}

function readBytes(cursor: Cursor, length: number): Buffer {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw noMessage(cursor);
  const content = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return content;
}

function readVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 64n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw noMessage(cursor);
}

function noMessage({ subject }: Cursor): CtrError {
  return new CtrError("InvalidArgument", `${subject} is no protobuf message`);
}
