import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, parseDigest } from "../../src/core/digest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { type BuiltImage, buildImage, type Layer } from "../support/image.ts";
import { run } from "../support/run-program.ts";

const SOURCE = "/usr";
const CACHE_DIR = join(import.meta.dirname, "../../dist/bench");
const WANTED_FILES = 45_000;
const WANTED_BYTES = 930e6;
const SMALL_FILE_BYTES = 20_000;
const LARGEST_FILE_BYTES = 64e6;
/** Of the files' bytes: as in most images, the layers grow smaller. */
const LAYER_SHARES = [0.4, 0.3, 0.2, 0.1];
const BUILD_TIMEOUT_MS = 600_000;

type SizedFile = [path: string, sizeBytes: number];

const byPath = ([a]: SizedFile, [b]: SizedFile): number => (a < b ? -1 : 1);

/**
 * Four layers of this machine's own programs: 45 000 files, 930 MB (280 MB compressed), or what there is. The same
 * machine gives the same image; the layers are kept in dist/bench, for compressing them takes a minute.
 */
export async function buildBigImage(): Promise<BuiltImage> {
  const files = chooseFiles();
  const key = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12);
  mkdirSync(CACHE_DIR, { recursive: true });
  const layers: Layer[] = [];
  for (const [index, paths] of splitByBytes(files).entries()) {
    layers.push(await buildLayerFile(join(CACHE_DIR, `${key}-${index}`), paths));
  }
  return buildImage({ layers });
}

/** Small files first, up to the wanted number, then larger ones up to the wanted size; in the end by path. */
function chooseFiles(): SizedFile[] {
  const sizes = new Map<string, number>();
  const visit = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) sizes.set(path, lstatSync(path).size);
    }
  };
  visit(SOURCE);
  const candidates = [...sizes].filter(([, size]) => size <= LARGEST_FILE_BYTES).sort(byPath);
  const small = candidates.filter(([, size]) => size <= SMALL_FILE_BYTES).slice(0, WANTED_FILES);
  const chosen = [...small];
  let totalBytes = small.reduce((sum, [, size]) => sum + size, 0);
  for (const [path, size] of candidates.filter(([, size]) => size > SMALL_FILE_BYTES)) {
    if (totalBytes + size > WANTED_BYTES) continue;
    chosen.push([path, size]);
    totalBytes += size;
  }
  return chosen.sort(byPath);
}

function splitByBytes(files: readonly SizedFile[]): string[][] {
  const layers: string[][] = LAYER_SHARES.map(() => []);
  const ends = LAYER_SHARES.map((_, index) =>
    LAYER_SHARES.slice(0, index + 1).reduce((sum, share) => sum + share),
  );
  const totalBytes = files.reduce((sum, [, size]) => sum + size, 0);
  let bytes = 0;
  for (const [path, size] of files) {
    const layer = ends.findIndex((end) => bytes < end * totalBytes);
    layers.at(layer)?.push(path);
    bytes += size;
  }
  return layers;
}

async function buildLayerFile(base: string, files: readonly string[]): Promise<Layer> {
  const archive = `${base}.tar.gz`;
  const facts = `${base}.json`;
  if (!existsSync(facts)) {
    writeFileSync(`${base}.list`, files.join("\0"));
    const options = "--mtime=@1 --owner=0 --group=0 --numeric-owner --no-recursion --null -P";
    const script = `set -e
      tar -c ${options} -T "$1.list" | tee "$1.fifo" | gzip -n >"$1.new" & pid=$!
      sha256sum <"$1.fifo"; wait $pid; sha256sum <"$1.new"`;
    rmSync(`${base}.fifo`, { force: true });
    await run(["mkfifo", `${base}.fifo`]);
    const { code, stdout, stderr } = await run(["sh", "-c", script, "sh", base], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`cannot build a layer from ${SOURCE}: ${stderr}`);
    const [diffId = "", digest = ""] = stdout.split("\n").map((line) => `sha256:${line.slice(0, 64)}`);
    renameSync(`${base}.new`, archive);
    for (const part of ["list", "fifo"]) rmSync(`${base}.${part}`);
    writeFileSync(facts, JSON.stringify({ diffId, digest }));
  }
  const { diffId, digest } = (await Bun.file(facts).json()) as { diffId: string; digest: string };
  const size = lstatSync(archive).size;
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: parseDigest(digest) as Digest, size };
  return { descriptor, data: Bun.file(archive), diffId: parseDigest(diffId) };
}
