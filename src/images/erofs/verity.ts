import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

const BLOCK_BYTES = 4096;
const DIGEST_BYTES = 32;
const SALT = Buffer.alloc(DIGEST_BYTES);
const SALT_FIELD_BYTES = 256;
const READ_BYTES = 256 * BLOCK_BYTES;

/** What it takes to open a file as a dm-verity device. */
export interface Verity {
  rootHash: string;
  /** Where its superblock is, and the data ends. */
  hashOffset: number;
}

/**
 * Appends a dm-verity hash tree to the file, as veritysetup(8) does: hash type 1, sha256 over blocks of 4 KiB, with a
 * salt of zeros as containerd has it. The kernel then refuses every block that is not as it was.
 */
export async function appendVerity(path: string): Promise<Verity> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  const blocks = Math.ceil(size / BLOCK_BYTES);
  const hashOffset = blocks * BLOCK_BYTES;
  await file.truncate(hashOffset);
  const levels = [await hashBlocks(file, blocks)];
  while (levels.at(-1)!.length > DIGEST_BYTES) levels.push(hashLevel(levels.at(-1)!));
  const [root] = levels.splice(-1);
  // The highest of them comes first.
  const tree = levels.reverse().map(padded);
  const all = Buffer.concat([padded(superblock(blocks)), ...tree]);
  await file.write(all, 0, all.length, hashOffset);
  return { rootHash: root!.toString("hex"), hashOffset };
}

/** One digest for each block of the file. */
async function hashBlocks(file: FileHandle, blocks: number): Promise<Buffer> {
  const digests = Buffer.alloc(blocks * DIGEST_BYTES);
  const buffer = Buffer.alloc(READ_BYTES);
  let block = 0;
  while (block < blocks) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, block * BLOCK_BYTES);
    for (let at = 0; at < bytesRead; at += BLOCK_BYTES) {
      hash(buffer.subarray(at, at + BLOCK_BYTES)).copy(digests, block++ * DIGEST_BYTES);
    }
  }
  return digests;
}

function hashLevel(below: Buffer): Buffer {
  const digests: Buffer[] = [];
  const whole = padded(below);
  for (let at = 0; at < whole.length; at += BLOCK_BYTES) {
    digests.push(hash(whole.subarray(at, at + BLOCK_BYTES)));
  }
  return Buffer.concat(digests);
}

const hash = (block: Uint8Array): Buffer => createHash("sha256").update(SALT).update(block).digest();

function padded(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  return Buffer.concat([bytes, Buffer.alloc(blocks * BLOCK_BYTES - bytes.length)]);
}

/** cryptsetup's lib/verity/verity.c: struct verity_sb. */
function superblock(blocks: number): Buffer {
  const version = Buffer.alloc(8);
  version.writeUInt32LE(1, 0);
  version.writeUInt32LE(1, 4);
  const sizes = Buffer.alloc(18);
  sizes.writeUInt32LE(BLOCK_BYTES, 0);
  sizes.writeUInt32LE(BLOCK_BYTES, 4);
  sizes.writeBigUInt64LE(BigInt(blocks), 8);
  sizes.writeUInt16LE(SALT.length, 16);
  return Buffer.concat([
    Buffer.from("verity\0\0"),
    version,
    randomBytes(16),
    Buffer.concat([Buffer.from("sha256"), Buffer.alloc(26)]),
    sizes,
    Buffer.alloc(6),
    Buffer.concat([SALT, Buffer.alloc(SALT_FIELD_BYTES - SALT.length)]),
  ]);
}
