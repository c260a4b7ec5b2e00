import { badTar, type TarHeader, type TarTime, type TarXattr } from "./header.ts";

/** One `LENGTH KEY=VALUE\n` of a PAX extended header; values are bytes and may hold anything. */
export interface PaxRecord {
  key: string;
  value: Buffer;
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const SCHILY_XATTR = "SCHILY.xattr.";
const LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";

/** The records in order; repeated keys (sparse format 0.0 has them) are kept. Throws InvalidArgument. */
export function parsePaxRecords(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const length = space < 0 ? Number.NaN : decimal(bytes.toString("latin1", at, space));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    if (!(end <= bytes.length) || equals <= space + 1 || equals >= end || bytes[end - 1] !== NEWLINE) {
      throw badTar("malformed PAX header");
    }
    records.push({
      key: bytes.toString("utf8", space + 1, equals),
      value: bytes.subarray(equals + 1, end - 1),
    });
    at = end;
  }
  return records;
}

/** Takes what the records say into `header`; an empty value takes an earlier one back (POSIX pax). */
export function applyPaxRecords(header: TarHeader, records: readonly PaxRecord[]): void {
  const xattrs: TarXattr[] = [];
  const libarchiveXattrs: TarXattr[] = [];
  for (const { key, value } of records) {
    if (key.startsWith(SCHILY_XATTR)) {
      xattrs.push({ key: xattrKey(key.slice(SCHILY_XATTR.length)), value });
    } else if (key.startsWith(LIBARCHIVE_XATTR)) {
      libarchiveXattrs.push(decodeLibarchiveXattr(key.slice(LIBARCHIVE_XATTR.length), value));
    } else if (value.length > 0) applyField(header, key, value);
  }
  for (const xattr of libarchiveXattrs) {
    if (!xattrs.some(({ key }) => key === xattr.key)) xattrs.push(xattr);
  }
  if (xattrs.length > 0) header.xattrs = xattrs;
}

function applyField(header: TarHeader, key: string, value: Buffer): void {
  switch (key) {
    case "path":
      header.name = withoutNul(value);
      break;
    case "linkpath":
      header.linkName = withoutNul(value);
      break;
    case "size":
      header.sizeBytes = wholeNumber(value);
      break;
    case "uid":
      header.uid = wholeNumber(value);
      break;
    case "gid":
      header.gid = wholeNumber(value);
      break;
    case "mtime":
      header.modified = parsePaxTime(value);
      break;
    case "atime":
      header.accessed = parsePaxTime(value);
      break;
  }
}

function withoutNul(value: Buffer): Buffer {
  if (value.includes(0)) throw badTar("NUL in a PAX name");
  return value;
}

function xattrKey(key: string): string {
  if (key === "" || key.includes("\0")) throw badTar("malformed name of an extended attribute");
  return key;
}

/** libarchive: the name URL-encoded, the value base64 without padding. */
function decodeLibarchiveXattr(key: string, value: Buffer): TarXattr {
  try {
    return { key: xattrKey(decodeURIComponent(key)), value: Buffer.from(value.toString("latin1"), "base64") };
  } catch {
    throw badTar("malformed name of an extended attribute");
  }
}

export function wholeNumber(value: Buffer): number {
  const number = decimal(value.toString("latin1"));
  if (Number.isNaN(number)) throw badTar("malformed number in a PAX header");
  return number;
}

/** NaN for what is no number that JavaScript holds exactly. */
function decimal(text: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** `-12.345`: seconds round down, so that nanoseconds always count forward. Digits beyond nanoseconds are cut. */
function parsePaxTime(value: Buffer): TarTime {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(value.toString("latin1"));
  if (match === null) throw badTar("malformed time in a PAX header");
  const [, sign, whole, fraction = ""] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign === "") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: seconds === 0 ? 0 : -seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}
