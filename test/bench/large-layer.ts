import { existsSync, lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDigest } from "../../src/core/digest.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { type BuiltImage, buildImage, type Layer } from "../support/image.ts";
import { run } from "../support/run-program.ts";

const CACHE_DIR = join(import.meta.dirname, "../../dist/bench");
const FILE_BYTES = 2e9;
const BUILD_TIMEOUT_MS = 300_000;

/** One uncompressed layer with one file of 2 GB that nothing can make smaller; kept in dist/bench. */
export async function buildLargeLayerImage(): Promise<BuiltImage> {
  mkdirSync(CACHE_DIR, { recursive: true });
  const archive = join(CACHE_DIR, "large.tar");
  const facts = join(CACHE_DIR, "large.json");
  if (!existsSync(facts)) {
    const script = `set -e
      cd "$1"
      head -c ${FILE_BYTES} /dev/urandom >large
      tar -c --mtime=@1 --owner=0 --group=0 --numeric-owner large >large.new
      rm large
      sha256sum <large.new`;
    const { code, stdout, stderr } = await run(["sh", "-c", script, "sh", CACHE_DIR], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`cannot build a layer of 2 GB: ${stderr}`);
    renameSync(`${join(CACHE_DIR, "large")}.new`, archive);
    writeFileSync(facts, JSON.stringify({ digest: `sha256:${stdout.slice(0, 64)}` }));
  }
  const { digest: text } = (await Bun.file(facts).json()) as { digest: string };
  const digest = parseDigest(text);
  const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: lstatSync(archive).size };
  const layer: Layer = { descriptor, data: Bun.file(archive), diffId: digest };
  return buildImage({ layers: [layer] });
}
