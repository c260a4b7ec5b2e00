/**
 * A container's standard streams in criu's images. What we dump are FIFOs and logs of this host; what is to be restored
 * anywhere, by containerd too, are pipes that the runtime hands over. So the images are made to say pipes: criu's
 * files.img (file_entry), fdinfo-*.img (fdinfo_entry), and descriptors.json, in which runc notes which stream is which.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import {
  bytesField,
  bytesOf,
  decodeMessage,
  encodeMessage,
  integerField,
  integerOf,
  type ProtoField,
} from "../../core/protobuf.ts";
import { O_APPEND } from "../../sys/open.ts";
import { readBounded, readCriuImage, writeCriuImage } from "./image-file.ts";
import type { OutsideFile } from "./outside-files.ts";

/** criu's fd_types. */
const REGULAR = 1n;
const PIPE = 2n;
const FIFO = 3n;

const FILE = { type: 1, id: 2, regular: 3, fifo: 17, pipe: 18 } as const;
const REGULAR_FILE = { id: 1, flags: 2, owner: 5, name: 6 } as const;
const FIFO_FILE = { regularId: 3 } as const;
const PIPE_FILE = { id: 1, pipeId: 2, flags: 3, owner: 4 } as const;
const DESCRIPTOR = { id: 1, type: 3, number: 4 } as const;

/** Which pipe each stream becomes; more than any inode number of a pipe's that criu meets. */
const pipeIdOf = (stream: number): number => 0xffff_fff0 + stream;

/** Of a dump that is done, in place. */
export function turnStreamsIntoPipes(imageDir: string, outside: readonly OutsideFile[]): void {
  if (outside.length === 0) return;
  const filesPath = join(imageDir, "files.img");
  const files = readCriuImage(filesPath);
  const descriptorImages = readdirSync(imageDir)
    .filter((name) => /^fdinfo-\d+\.img$/.test(name))
    .map((name) => ({ path: join(imageDir, name), image: readCriuImage(join(imageDir, name)) }));
  const descriptors = descriptorImages.flatMap(({ image }) => image.entries);
  const pipes = findPipes(files.entries, new Map(outside.map(({ name, stream }) => [name, stream])));
  const converted = new Map<bigint, number>();
  const entries = files.entries.flatMap((entry) => {
    const id = integerOf(entry, FILE.id) ?? 0n;
    const pipe = pipes.get(id);
    if (pipe === undefined) return [entry];
    // A FIFO's path, which stands beside it.
    if (pipe.isPath) return [];
    const stream = standardNumber(descriptors, id) ?? pipe.stream;
    converted.set(id, stream);
    return [pipeEntry(id, stream, pipe.regular)];
  });
  writeCriuImage(filesPath, { ...files, entries });
  for (const { path, image } of descriptorImages) writeCriuImage(path, asPipes(image, converted));
  writeStreamNames(imageDir, new Set(converted.values()));
}

interface Pipe {
  stream: number;
  regular: ProtoField[];
  isPath: boolean;
}

/** By the id of what is in the way: files outside, and the two entries that make a FIFO. */
function findPipes(
  entries: readonly ProtoField[][],
  streams: ReadonlyMap<string, number>,
): Map<bigint, Pipe> {
  const pipes = new Map<bigint, Pipe>();
  for (const entry of entries) {
    const regular = integerOf(entry, FILE.type) === REGULAR ? partOf(entry, FILE.regular) : undefined;
    const stream = regular && streams.get(String(bytesOf(regular, REGULAR_FILE.name)));
    if (regular === undefined || stream === undefined) continue;
    pipes.set(integerOf(regular, REGULAR_FILE.id) ?? 0n, { stream, regular, isPath: false });
  }
  for (const entry of entries) {
    const fifo = integerOf(entry, FILE.type) === FIFO ? partOf(entry, FILE.fifo) : undefined;
    const pathId = (fifo && integerOf(fifo, FIFO_FILE.regularId)) ?? 0n;
    const path = pipes.get(pathId);
    if (path === undefined) continue;
    pipes.set(integerOf(entry, FILE.id) ?? 0n, { ...path, isPath: false });
    path.isPath = true;
  }
  return pipes;
}

function partOf(entry: readonly ProtoField[], number: number): ProtoField[] | undefined {
  const bytes = bytesOf(entry, number);
  return bytes && decodeMessage(bytes, "criu image files.img");
}

/** 0, 1 or 2, where some process has the file as that. */
function standardNumber(descriptors: readonly ProtoField[][], id: bigint): number | undefined {
  const numbers = descriptors
    .filter((entry) => integerOf(entry, DESCRIPTOR.id) === id)
    .map((entry) => Number(integerOf(entry, DESCRIPTOR.number)))
    .filter((number) => number <= 2);
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
}

function pipeEntry(id: bigint, stream: number, regular: readonly ProtoField[]): ProtoField[] {
  const pipe = encodeMessage([
    integerField(PIPE_FILE.id, id),
    integerField(PIPE_FILE.pipeId, pipeIdOf(stream)),
    integerField(PIPE_FILE.flags, integerOf(regular, REGULAR_FILE.flags) ?? 0n),
    bytesField(PIPE_FILE.owner, bytesOf(regular, REGULAR_FILE.owner) ?? Buffer.alloc(0)),
  ]);
  return [integerField(FILE.type, PIPE), integerField(FILE.id, id), bytesField(FILE.pipe, pipe)];
}

function asPipes(image: ReturnType<typeof readCriuImage>, converted: ReadonlyMap<bigint, number>) {
  const entries = image.entries.map((entry) =>
    converted.has(integerOf(entry, DESCRIPTOR.id) ?? 0n)
      ? entry.map((field) => (field.number === DESCRIPTOR.type ? integerField(DESCRIPTOR.type, PIPE) : field))
      : entry,
  );
  return { ...image, entries };
}

const STREAM_NAMES_FILE = "descriptors.json";

function readStreamNames(imageDir: string): string[] {
  const subject = `checkpoint's ${STREAM_NAMES_FILE}`;
  const bytes = readBounded(join(imageDir, STREAM_NAMES_FILE), subject);
  try {
    const names: unknown = JSON.parse(String(bytes));
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch (cause) {
    throw new CtrError("InvalidArgument", `${subject} cannot be read`, { cause });
  }
  throw new CtrError("InvalidArgument", `${subject} is no list of names`);
}

function writeStreamNames(imageDir: string, converted: ReadonlySet<number>): void {
  const names = readStreamNames(imageDir).map((name, stream) =>
    converted.has(stream) ? `pipe:[${pipeIdOf(stream)}]` : name,
  );
  writeFileSync(join(imageDir, STREAM_NAMES_FILE), JSON.stringify(names), { mode: 0o600 });
}

/**
 * Before a restore: what is handed over may be a log this time, to which two streams append. Throws InvalidArgument
 * for images that nobody can restore.
 */
export function letStreamsAppend(imageDir: string): void {
  const names = new Set(readStreamNames(imageDir));
  const path = join(imageDir, "files.img");
  const files = readCriuImage(path);
  const entries = files.entries.map((entry) => {
    const pipe = partOf(entry, FILE.pipe);
    if (pipe === undefined || !names.has(`pipe:[${integerOf(pipe, PIPE_FILE.pipeId)}]`)) return entry;
    const flags = (integerOf(pipe, PIPE_FILE.flags) ?? 0n) | BigInt(O_APPEND);
    const appending = pipe.map((field) =>
      field.number === PIPE_FILE.flags ? integerField(PIPE_FILE.flags, flags) : field,
    );
    return entry.map((field) =>
      field.number === FILE.pipe ? bytesField(FILE.pipe, encodeMessage(appending)) : field,
    );
  });
  writeCriuImage(path, { ...files, entries });
}
