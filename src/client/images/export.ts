import { CtrError, hasCode, withSubject } from "../../core/errors.ts";
import { hostPlatform, type Platform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import type { Image } from "../../core/records.ts";
import { openOutputFile } from "../../files/output-file.ts";
import { exportMembers, type NamedPlan } from "../../images/archive/export-members.ts";
import { planExport } from "../../images/archive/plan-export.ts";
import { archiveSizeBytes, type WriteBytes, writeArchive } from "../../images/archive/write-archive.ts";
import type { Client } from "../open.ts";
import { findImage } from "./images.ts";

export interface ExportImagesOptions {
  /** A path, or what takes the bytes in order. */
  output: string | WriteBytes;
  /** What is taken of images for several platforms. "present": the host's, or where it is not here those that are. */
  platforms: readonly Platform[] | "all" | "present";
  /** Without the manifest.json that `docker load` reads. */
  skipManifestJson?: boolean;
  skipNonDistributable?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/**
 * Writes images into one archive: an OCI layout that docker, podman and skopeo load too. Every blob is hashed on its
 * way. A file appears whole or not at all. Throws NotFound for an image, a platform or a blob that is not here,
 * DataLoss for a damaged one.
 */
export async function exportImages(
  client: Client,
  names: readonly string[],
  options: ExportImagesOptions,
): Promise<void> {
  const content = await client.content();
  const plans = await planImages(client, names, options);
  const members = await exportMembers(plans, content, { forDocker: !options.skipManifestJson });
  const total = archiveSizeBytes(members);
  const { output, onProgress, signal } = options;
  const row = typeof output === "string" ? output : "standard output";
  const report =
    onProgress && ((offset: number) => onProgress({ name: row, state: "exporting", offset, total }));
  const write = (take: WriteBytes) =>
    writeArchive(members, { content, write: take, onProgress: report, signal });
  if (typeof output !== "string") await write(output);
  else {
    using file = await openOutputFile(output);
    await write(file.write.bind(file));
    file.commit();
  }
  onProgress?.({ name: row, state: "done", offset: total, total });
}

async function planImages(
  client: Client,
  names: readonly string[],
  { platforms, skipNonDistributable = false }: ExportImagesOptions,
): Promise<NamedPlan[]> {
  const content = await client.content();
  const images = new Map<string, Image>();
  for (const name of names) {
    const image = await findImage(client, name);
    images.set(image.name, image);
  }
  const plans: NamedPlan[] = [];
  for (const { name, target } of images.values()) {
    try {
      const plan = await planExport(target, {
        content,
        platforms,
        host: hostPlatform(),
        skipNonDistributable,
      });
      plans.push({ ...plan, name, target });
    } catch (error) {
      throw explained(name, error, platforms);
    }
  }
  return plans;
}

/** Says how to come by what is missing. */
function explained(name: string, error: unknown, platforms: ExportImagesOptions["platforms"]): CtrError {
  const subject = `export image ${JSON.stringify(name)}`;
  if (!hasCode(error, "NotFound", "DataLoss")) return withSubject(subject, error);
  const flag = platforms === "all" ? "--all-platforms " : "";
  const hint = `bring it with: ctr images pull ${flag}${name}`;
  const isPlatform = error.hint?.startsWith("choose");
  return new CtrError(error.code, subject, { cause: error, hint: isPlatform ? undefined : hint });
}
