/** What a test wants in an archive; nothing is checked, so that hostile and odd archives can be made too. */
export interface TarEntry {
  path: string | Uint8Array;
  /** "file" without it. */
  type?: keyof typeof TYPE_FLAGS;
  content?: string | Uint8Array;
  /** 0o755 for directories, else 0o644. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Since 1970; a fraction, a negative or a far one goes into a PAX record. */
  mtimeSeconds?: number;
  /** Of symlinks and hardlinks. */
  linkTarget?: string | Uint8Array;
  device?: { major: number; minor: number };
  /** Written as SCHILY.xattr records, whose values are bytes. */
  xattrs?: Readonly<Record<string, string | Uint8Array>>;
  /** Further PAX records, and ones that override what the fields above say. */
  pax?: Readonly<Record<string, string | Uint8Array>>;
}

const TYPE_FLAGS = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
} as const;

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/**
 * An archive, byte for byte as POSIX.1-2001 pax has it. Hand-made because the library at hand writes PAX values as
 * text, which breaks binary xattrs, and refuses what hostile archives need. `end: false` leaves out the end blocks.
 */
export function tarBytes(entries: readonly TarEntry[], { end = true } = {}): Uint8Array {
  const blocks = entries.flatMap(encodeEntry);
  if (end) blocks.push(Buffer.alloc(2 * BLOCK_BYTES));
  return Buffer.concat(blocks);
}

function encodeEntry(entry: TarEntry): Uint8Array[] {
  const content = bytes(entry.content ?? "");
  const records = paxRecords(entry);
  const blocks: Uint8Array[] = [];
  if (Object.keys(records).length > 0) {
    const data = Buffer.concat(Object.entries(records).map(([key, value]) => encodeRecord(key, value)));
    blocks.push(header({ path: "PaxHeaders/entry", mode: 0o644 }, "x", data.length), padded(data));
  }
  blocks.push(header(entry, TYPE_FLAGS[entry.type ?? "file"], content.length), padded(content));
  return blocks;
}

function paxRecords(entry: TarEntry): Record<string, string | Uint8Array> {
  const records: Record<string, string | Uint8Array> = {};
  const { path, linkTarget = "", uid = 0, gid = 0, mtimeSeconds = 0 } = entry;
  if (needsRecord(path)) records.path = path;
  if (needsRecord(linkTarget)) records.linkpath = linkTarget;
  if (uid > MAX_OCTAL_7) records.uid = `${uid}`;
  if (gid > MAX_OCTAL_7) records.gid = `${gid}`;
  if (!Number.isInteger(mtimeSeconds) || mtimeSeconds < 0 || mtimeSeconds > MAX_OCTAL_11) {
    records.mtime = `${mtimeSeconds}`;
  }
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) records[`SCHILY.xattr.${name}`] = value;
  return { ...records, ...entry.pax };
}

/** Names that do not fit, or are not ASCII: readers disagree about the encoding of the plain field. */
function needsRecord(name: string | Uint8Array): boolean {
  return typeof name === "string"
    ? Buffer.byteLength(name) > MAX_NAME_BYTES || /[^ -~]/.test(name)
    : name.length > MAX_NAME_BYTES;
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function encodeRecord(key: string, value: string | Uint8Array): Uint8Array {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

function header(entry: TarEntry, typeFlag: string, sizeBytes: number): Uint8Array {
  const { path, type, mode, uid = 0, gid = 0, mtimeSeconds = 0, linkTarget = "", device } = entry;
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) =>
    block.write(Math.trunc(value).toString(8).padStart(digits, "0"), at, "latin1");
  block.set(bytes(path).subarray(0, MAX_NAME_BYTES), 0);
  octal(mode ?? (type === "directory" ? 0o755 : 0o644), 100, 7);
  octal(Math.min(uid, MAX_OCTAL_7), 108, 7);
  octal(Math.min(gid, MAX_OCTAL_7), 116, 7);
  octal(sizeBytes, 124, 11);
  octal(Math.min(Math.max(mtimeSeconds, 0), MAX_OCTAL_11), 136, 11);
  block.write("        ", 148, "latin1");
  block.write(typeFlag, 156, "latin1");
  block.set(bytes(linkTarget).subarray(0, MAX_NAME_BYTES), 157);
  block.write("ustar\u000000", 257, "latin1");
  octal(device?.major ?? 0, 329, 7);
  octal(device?.minor ?? 0, 337, 7);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padded(data: Uint8Array): Uint8Array {
  return Buffer.concat([data, Buffer.alloc((BLOCK_BYTES - (data.length % BLOCK_BYTES)) % BLOCK_BYTES)]);
}

function bytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? Buffer.from(value) : value;
}
