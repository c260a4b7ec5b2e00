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
const SLASH = 0x2f;
const MAX_OCTAL = { mode: 0o7777777, id: 0o7777777, size: 0o77777777777 };

/**
 * The blocks before an entry's data: ustar, with a PAX header before it when names, numbers, times or extended
 * attributes need one. `sizeBytes` of data and `paddingAfter` it must follow. Throws InvalidArgument for a type that
 * tar has no flag for.
 *
 * The bytes are those of Go's archive/tar, so that a layer has the digest that containerd would give it.
 */
export function tarHeaderBytes(draft: TarDraft): Buffer {
  const flag = TYPE_FLAGS[draft.type];
  if (flag === undefined) throw new CtrError("InvalidArgument", `tar entry type ${draft.type}`);
  const records = paxRecords(draft);
  const split = splitPath(draft.name);
  if (records.size === 0) return headerBlock(draft, flag);
  if (records.size === 1 && records.has("path") && split) return headerBlock({ ...draft, ...split }, flag);
  const body = Buffer.concat([...records].sort(byKey).map(([key, value]) => paxRecord(key, value)));
  const paxBlock = paxHeaderBlock(draft.name, body.length);
  return Buffer.concat([paxBlock, body, paddingAfter(body.length), headerBlock(draft, flag)]);
}

function byKey([one]: [string, Uint8Array], [other]: [string, Uint8Array]): number {
  return one < other ? -1 : 1;
}

/** Zeros up to the next whole block. */
export function paddingAfter(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** Two zero blocks end an archive. */
export function tarEndBytes(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

function headerBlock(draft: TarDraft & { prefix?: Buffer }, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { uid = 0, gid = 0, sizeBytes = 0, mode = 0, modified } = draft;
  writeName(block, fields.name, draft.name);
  if (draft.linkName) writeName(block, fields.linkName, draft.linkName);
  if (draft.prefix) writeName(block, fields.prefix, draft.prefix);
  writeOctal(block, fields.mode, mode);
  writeOctal(block, fields.uid, isOctal(uid, MAX_OCTAL.id) ? uid : 0);
  writeOctal(block, fields.gid, isOctal(gid, MAX_OCTAL.id) ? gid : 0);
  writeOctal(block, fields.size, isOctal(sizeBytes, MAX_OCTAL.size) ? sizeBytes : 0);
  const seconds = modified?.seconds ?? 0;
  writeOctal(block, fields.modified, isOctal(seconds, MAX_OCTAL.size) ? seconds : 0);
  const isDevice = flag === "3" || flag === "4";
  writeOctal(block, fields.deviceMajor, isDevice ? (draft.deviceMajor ?? 0) : 0);
  writeOctal(block, fields.deviceMinor, isDevice ? (draft.deviceMinor ?? 0) : 0);
  return sealed(block, flag);
}

/** Of the file that PAX records are; its name is for readers that know none. */
function paxHeaderBlock(name: Buffer, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const whole = name.toString("latin1");
  const slash = whole.lastIndexOf("/");
  const directory = whole.slice(0, slash + 1).replace(/\/+$/, "/");
  const shown = ascii(Buffer.from(`${directory}PaxHeaders.0/${whole.slice(slash + 1)}`, "latin1"));
  const cut = shown.subarray(0, fields.name[1]).toString("latin1").replace(/\/+$/, "");
  block.write(cut, fields.name[0], "latin1");
  for (const field of [fields.mode, fields.uid, fields.gid, fields.modified]) writeOctal(block, field, 0);
  writeOctal(block, fields.size, sizeBytes);
  return sealed(block, "x");
}

function sealed(block: Buffer, flag: string): Buffer {
  block.write(flag, fields.typeFlag[0], "latin1");
  block.write("ustar\x0000", fields.magic[0], "latin1");
  writeChecksum(block);
  return block;
}

/** What does not fit is cut off: then a PAX record has it in full. */
function writeName(block: Buffer, [at, length]: readonly [number, number], name: Buffer): void {
  const shown = ascii(name);
  shown.copy(block, at, 0, length);
  if (shown.length <= length) return;
  // A cut after a slash would make a file look like a directory.
  for (let end = at + length - 1; block[end] === SLASH; end--) block[end] = 0;
}

function ascii(name: Buffer): Buffer {
  return name.every(isAscii) ? name : Buffer.from(name.filter(isAscii));
}

function isAscii(byte: number): boolean {
  return byte < 0x80;
}

/** As ustar has longer paths: up to 155 bytes, a slash, up to 100 bytes. */
function splitPath(name: Buffer): { prefix: Buffer; name: Buffer } | undefined {
  if (name.length <= fields.name[1] || !name.every(isAscii)) return undefined;
  const isLong = name.length > fields.prefix[1] + 1;
  const end = isLong ? fields.prefix[1] + 1 : name.at(-1) === SLASH ? name.length - 1 : name.length;
  const slash = name.subarray(0, end).lastIndexOf(SLASH);
  const restBytes = name.length - slash - 1;
  if (slash <= 0 || restBytes === 0 || restBytes > fields.name[1] || slash > fields.prefix[1])
    return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
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
function paxRecords(draft: TarDraft): Map<string, Uint8Array> {
  const { name, linkName, uid = 0, gid = 0, sizeBytes = 0, modified, accessed, xattrs = [] } = draft;
  const records = new Map<string, Uint8Array>();
  if (needsPax(name)) records.set("path", name);
  if (linkName && needsPax(linkName)) records.set("linkpath", linkName);
  if (!isOctal(uid, MAX_OCTAL.id)) records.set("uid", Buffer.from(String(uid)));
  if (!isOctal(gid, MAX_OCTAL.id)) records.set("gid", Buffer.from(String(gid)));
  if (!isOctal(sizeBytes, MAX_OCTAL.size)) records.set("size", Buffer.from(String(sizeBytes)));
  if (modified && (modified.nanoseconds > 0 || !isOctal(modified.seconds, MAX_OCTAL.size))) {
    records.set("mtime", Buffer.from(formatPaxTime(modified)));
  }
  if (accessed) records.set("atime", Buffer.from(formatPaxTime(accessed)));
  for (const { key, value } of xattrs) records.set(`SCHILY.xattr.${key}`, value);
  return records;
}

function needsPax(name: Buffer): boolean {
  return name.length > fields.name[1] || !name.every(isAscii);
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
