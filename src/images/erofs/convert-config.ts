import type { Descriptor } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import type { Platform } from "../../core/platform.ts";
import { readDocument } from "../fetch-document.ts";
import { formatJsonLikeGo, type JsonObject, storeDocument, type WriteContext } from "../write-document.ts";

const FEATURE = "erofs";

/** The platform as one that has to understand the filesystem. */
export function withErofs(platform: Platform): Platform {
  const features = [...new Set([...(platform["os.features"] ?? []), FEATURE])].sort();
  return { ...platform, "os.features": features };
}

/**
 * Stores the config with other diff IDs and the feature that they need, as containerd's converter writes it: its
 * fields in order of their names, and without the IDs of images that Docker has had there.
 */
export async function convertConfig(
  config: Descriptor,
  diffIds: readonly Digest[],
  platform: Platform,
  context: WriteContext,
): Promise<Descriptor> {
  const document: JsonObject = JSON.parse(
    Buffer.from(await readDocument(context.content, config)).toString(),
  );
  const changed: JsonObject = {
    ...document,
    ...Object.fromEntries(["config", "container_config"].flatMap((name) => withoutImage(document, name))),
    rootfs: { type: "layers", diff_ids: diffIds },
    "os.features": platform["os.features"],
  };
  const sorted = Object.fromEntries(Object.entries(changed).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { digest, size } = await storeDocument(formatJsonLikeGo(sorted), {}, context);
  return { ...config, digest, size };
}

function withoutImage(document: JsonObject, name: string): [string, unknown][] {
  const value = document[name];
  if (typeof value !== "object" || value === null) return [];
  const { Image: _, ...rest } = value as JsonObject;
  return [[name, Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)))]];
}
