import { createHash } from "node:crypto";
import type { Digest } from "../../core/digest.ts";
import { CtrError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";

export interface MkfsOptions {
  /** As mkfs.erofs takes them by -z: `lz4`, `zstd,level=12`, several separated by colons. */
  compressors?: string;
  /** More of its options, as they are. */
  more?: readonly string[];
}

const PROGRAM = "mkfs.erofs";
/** RFC 9562: the namespace of names that are URLs. */
const URL_NAMESPACE = Buffer.from("6ba7b8119dad11d180b400c04fd430c8", "hex");
const CLUSTER_BYTES = 65_536;
const MOST_WORDS_BYTES = 16 * 1024;

/**
 * Writes a filesystem image of the uncompressed layer `tar` to `path`, which holds overlayfs's whiteouts, by the
 * program of erofs-utils. The same layer and options give the same bytes. Throws NotFound without the program,
 * FailedPrecondition with its own words when it fails, and what `tar` throws.
 */
export async function makeErofs(
  tar: AsyncIterable<Uint8Array>,
  path: string,
  diffId: Digest,
  options: MkfsOptions,
): Promise<void> {
  const program = Bun.which(PROGRAM, { PATH: process.env.PATH ?? "" });
  if (!program) {
    throw new CtrError("NotFound", `program ${PROGRAM}`, { hint: "install erofs-utils 1.7 or newer" });
  }
  const words = [...argumentsOf(options), "-U", uuidOf(diffId), path];
  const child = Bun.spawn([program, ...words], { stdin: "pipe", stdout: "ignore", stderr: "pipe" });
  const said = readWords(child.stderr);
  try {
    await feed(tar, child.stdin);
  } catch (error) {
    child.kill("SIGKILL");
    await child.exited;
    throw error;
  }
  if ((await child.exited) === 0) return;
  throw failure(await said);
}

function argumentsOf({ compressors, more = [] }: MkfsOptions): string[] {
  const compression = compressors ? [`-z${compressors}`, "-C", `${CLUSTER_BYTES}`] : [];
  // Blocks of 4 KiB can be mounted whatever the size of the machine's pages.
  const blocks = more.some((word) => word.startsWith("-b")) ? [] : ["-b4096"];
  // Of what no entry tells the time, else it would be now.
  const time = more.some((word) => word.startsWith("-T")) ? [] : ["-T0", "--mkfs-time"];
  return ["--tar=f", "--aufs", "--quiet", "-Enoinline_data", ...blocks, ...time, ...compression, ...more];
}

/** By the layer alone, however it was compressed, as containerd has it (RFC 9562, version 5). */
function uuidOf(diffId: Digest): string {
  const hash = createHash("sha1").update(URL_NAMESPACE).update(`erofs:blobs/${diffId}`).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A program that ends early says why itself: its closed pipe is no failure of ours. */
async function feed(tar: AsyncIterable<Uint8Array>, stdin: Bun.FileSink): Promise<void> {
  let isOpen = true;
  const unlessClosed = async (write: () => unknown) => {
    try {
      if (isOpen) await write();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
      isOpen = false;
    }
  };
  // To its end in any case: whoever made it looks at the whole of it.
  for await (const chunk of tar) {
    await unlessClosed(async () => {
      await stdin.write(chunk);
      await stdin.flush();
    });
  }
  await unlessClosed(() => stdin.end());
}

async function readWords(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let words = "";
  const decoder = new TextDecoder();
  for await (const chunk of stderr) if (words.length < MOST_WORDS_BYTES) words += decoder.decode(chunk);
  return words;
}

function failure(words: string): CtrError {
  const isOld = /(?:unrecognized|unknown|invalid) option.*tar/i.test(words);
  const first = words.trim().split("\n")[0]!;
  return new CtrError("FailedPrecondition", `${PROGRAM} says ${quote(first)}`, {
    hint: isOld ? "install erofs-utils 1.7 or newer" : undefined,
  });
}
