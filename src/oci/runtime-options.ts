import { CtrError } from "../core/errors.ts";
import type { TypedValue } from "../core/records.ts";

/** `containerd.runc.v1.Options` (containerd, api/types/runc/options/oci.proto), as far as ctr has flags for it. */
export interface RuncOptions {
  noPivotRoot?: boolean;
  /** The runtime's program, by name or path. */
  binaryName?: string;
  /** Where the runtime keeps its state. */
  root?: string;
  systemdCgroup?: boolean;
}

const TYPE_URL = "containerd.runc.v1.Options";
const FIELDS = { noPivotRoot: 1, binaryName: 6, root: 7, systemdCgroup: 9 } as const;

/** Protobuf's wire types (protobuf.dev, "Encoding"). */
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Field by field in number order, unset ones left out, so that equal options are equal bytes. */
export function encodeRuncOptions(options: RuncOptions): TypedValue {
  const bytes = [
    ...encodeFlag(FIELDS.noPivotRoot, options.noPivotRoot),
    ...encodeText(FIELDS.binaryName, options.binaryName),
    ...encodeText(FIELDS.root, options.root),
    ...encodeFlag(FIELDS.systemdCgroup, options.systemdCgroup),
  ];
  if (bytes.length === 0) return { typeUrl: TYPE_URL };
  return { typeUrl: TYPE_URL, value: Buffer.from(bytes).toString("base64") };
}

/** `runtimeoptions.v1.Options` (api/runtimeoptions/v1/api.proto): where a runtime that is not runc has its configuration. */
export function encodeRuntimeConfig(configPath: string): TypedValue {
  return {
    typeUrl: "runtimeoptions.v1.Options",
    value: Buffer.from(encodeText(2, configPath)).toString("base64"),
  };
}

/** Fields it does not know are skipped. Throws InvalidArgument for another type and for bytes that are no message. */
export function decodeRuncOptions({ typeUrl, value = "" }: TypedValue): RuncOptions {
  if (typeUrl !== TYPE_URL) {
    throw new CtrError(
      "InvalidArgument",
      `runtime options of type ${JSON.stringify(typeUrl)}, not ${TYPE_URL}`,
    );
  }
  const options: RuncOptions = {};
  for (const { field, content } of readFields(Buffer.from(value, "base64"))) {
    if (field === FIELDS.noPivotRoot) options.noPivotRoot = content !== 0n;
    if (field === FIELDS.binaryName) options.binaryName = String(content);
    if (field === FIELDS.root) options.root = String(content);
    if (field === FIELDS.systemdCgroup) options.systemdCgroup = content !== 0n;
  }
  return options;
}

function encodeFlag(field: number, value: boolean | undefined): number[] {
  return value ? [...encodeVarint((field << 3) | VARINT), 1] : [];
}

function encodeText(field: number, value: string | undefined): number[] {
  if (!value) return [];
  const text = Buffer.from(value);
  return [...encodeVarint((field << 3) | LENGTH_DELIMITED), ...encodeVarint(text.length), ...text];
}

function encodeVarint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...encodeVarint(value >>> 7)];
}

function* readFields(bytes: Buffer): Generator<{ field: number; content: bigint | Buffer }> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    yield { field: Number(tag >> 3n), content: readContent(bytes, cursor, Number(tag & 7n)) };
  }
}

function readContent(bytes: Buffer, cursor: { at: number }, wireType: number): bigint | Buffer {
  if (wireType === VARINT) return readVarint(bytes, cursor);
  if (wireType === FIXED_64) return readBytes(bytes, cursor, 8);
  if (wireType === FIXED_32) return readBytes(bytes, cursor, 4);
  if (wireType === LENGTH_DELIMITED) return readBytes(bytes, cursor, Number(readVarint(bytes, cursor)));
  throw badMessage();
}

function readBytes(bytes: Buffer, cursor: { at: number }, length: number): Buffer {
  const end = cursor.at + length;
  if (end > bytes.length) throw badMessage();
  const content = bytes.subarray(cursor.at, end);
  cursor.at = end;
  return content;
}

function readVarint(bytes: Buffer, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 64n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw badMessage();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw badMessage();
}

function badMessage(): CtrError {
  return new CtrError("InvalidArgument", `${TYPE_URL}: value is no protobuf message`);
}
