import { CtrError } from "../core/errors.ts";
import { BLOCK_BYTES, fields, type TarHeader, type TarTime } from "./header.ts";

/** What `tarHeaderBytes` needs; what is left out is empty, 0, or root's. */
export type TarDraft = Pick<TarHeader, "name" | "type"> & Partial<TarHeader>;

const TYPE_FLAGS: Readonly<Record<string, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const MAX_OCTAL = { mode: 0o7777777, id: 0o7777777, size: 0o77777777777 };

/**
 * The blocks before an entry's data: ustar, with a PAX header before it when names, numbers, times or extended
 * attributes need one. `sizeBytes` of data and `paddingAfter` it must follow. Throws InvalidArgument for a type that
 * tar has no flag for.
 */
export function tarHeaderBytes(draft: TarDraft): Buffer {
  const flag = TYPE_FLAGS[draft.type];
  if (flag === undefined) throw new CtrError("InvalidArgument", `tar entry type ${draft.type}`);
  const records = paxRecords(draft);
  const block = headerBlock(draft, flag);
  if (records.length === 0) return block;
  const body = Buffer.concat(records);
  const paxName = Buffer.from("PaxHeaders.0/entry");
  const paxBlock = headerBlock({ name: paxName, type: "file", mode: 0o644, sizeBytes: body.length }, "x");
  return Buffer.concat([paxBlock, body, paddingAfter(body.length), block]);
}

/** Zeros up to the next whole block. */
export function paddingAfter(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** Two zero blocks end an archive. */
export function tarEndBytes(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

function headerBlock(draft: TarDraft, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { uid = 0, gid = 0, sizeBytes = 0, mode = 0, modified } = draft;
  draft.name.copy(block, fields.name[0], 0, fields.name[1]);
  draft.linkName?.copy(block, fields.linkName[0], 0, fields.linkName[1]);
  writeOctal(block, fields.mode, mode);
  writeOctal(block, fields.uid, isOctal(uid, MAX_OCTAL.id) ? uid : 0);
  writeOctal(block, fields.gid, isOctal(gid, MAX_OCTAL.id) ? gid : 0);
  writeOctal(block, fields.size, isOctal(sizeBytes, MAX_OCTAL.size) ? sizeBytes : 0);
  const seconds = modified?.seconds ?? 0;
  writeOctal(block, fields.modified, isOctal(seconds, MAX_OCTAL.size) ? seconds : 0);
  block.write(flag, fields.typeFlag[0], "latin1");
  block.write("ustar\x0000", fields.magic[0], "latin1");
  if (flag === "3" || flag === "4") {
    writeOctal(block, fields.deviceMajor, draft.deviceMajor ?? 0);
    writeOctal(block, fields.deviceMinor, draft.deviceMinor ?? 0);
  }
  writeChecksum(block);
  return block;
}

function writeChecksum(block: Buffer): void {
  block.fill(0x20, fields.checksum[0], fields.checksum[0] + fields.checksum[1]);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, fields.checksum[0], "latin1");
}

function writeOctal(block: Buffer, [at, length]: readonly [number, number], value: number): void {
  block.write(value.toString(8).padStart(length - 1, "0"), at, length - 1, "latin1");
}

function isOctal(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

/** Only what the ustar block cannot say. Names of other bytes than ASCII are said here, exactly. */
function paxRecords(draft: TarDraft): Buffer[] {
  const { name, linkName, uid = 0, gid = 0, sizeBytes = 0, modified, accessed, xattrs = [] } = draft;
  const records: Buffer[] = [];
  if (needsPax(name)) records.push(paxRecord("path", name));
  if (linkName && needsPax(linkName)) records.push(paxRecord("linkpath", linkName));
  if (!isOctal(uid, MAX_OCTAL.id)) records.push(paxRecord("uid", Buffer.from(String(uid))));
  if (!isOctal(gid, MAX_OCTAL.id)) records.push(paxRecord("gid", Buffer.from(String(gid))));
  if (!isOctal(sizeBytes, MAX_OCTAL.size)) records.push(paxRecord("size", Buffer.from(String(sizeBytes))));
  if (modified && (modified.nanoseconds > 0 || !isOctal(modified.seconds, MAX_OCTAL.size))) {
    records.push(paxRecord("mtime", Buffer.from(formatPaxTime(modified))));
  }
  if (accessed) records.push(paxRecord("atime", Buffer.from(formatPaxTime(accessed))));
  for (const { key, value } of xattrs) records.push(paxRecord(`SCHILY.xattr.${key}`, value));
  return records;
}

function needsPax(name: Buffer): boolean {
  return name.length > 100 || name.some((byte) => byte > 0x7e);
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

function formatPaxTime({ seconds, nanoseconds }: TarTime): string {
  const isNegative = seconds < 0 && nanoseconds > 0;
  const whole = isNegative ? -(seconds + 1) : Math.abs(seconds);
  const fraction = isNegative ? 1e9 - nanoseconds : nanoseconds;
  const digits = fraction > 0 ? `.${String(fraction).padStart(9, "0")}`.replace(/0+$/, "") : "";
  return `${seconds < 0 ? "-" : ""}${whole}${digits}`;
}
