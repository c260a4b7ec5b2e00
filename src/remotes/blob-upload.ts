import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { PushOptions } from "../core/remotes.ts";
import { pause, retryDelayMs } from "./backoff.ts";
import type { Place } from "./place.ts";
import { BlobUpload, Refused } from "./upload-session.ts";

/** So much more of the blob, and past failures are forgotten. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Uploads by OCI distribution spec, "Pushing Blobs": mounts where it can, else sends all in one request, in chunks
 * where that is too large, and what is left where a connection broke. Throws as `Pusher.push`.
 */
export async function uploadBlob(
  target: Place,
  descriptor: Descriptor,
  content: ContentProvider,
  options: PushOptions,
): Promise<"mounted" | "pushed"> {
  const mountFrom = nearestRepository(target.path, options.mountFrom ?? []);
  const { pace } = target.registry.transport;
  await using upload = new BlobUpload(target, descriptor, content, options.onSent);
  if (mountFrom && (await upload.mount(mountFrom))) return "mounted";
  let failures = 0;
  let failedAt = 0;
  for (;;) {
    try {
      await upload.finish();
      return "pushed";
    } catch (error) {
      const refused = error instanceof Refused ? error : undefined;
      if (refused?.status === 413 && upload.sendLessAtOnce()) continue;
      if (upload.offset - failedAt >= PROGRESS_BYTES) failures = 0;
      failedAt = Math.max(failedAt, upload.offset);
      const delayMs = retryDelayMs(failures + 2, refused?.retryAfter ?? null, pace);
      const isLast = ++failures >= pace.tries || delayMs === undefined;
      if (isLast || !upload.mayGoOnAfter(error)) throw refused?.failure ?? error;
      target.registry.transport.log.event(
        `upload of ${descriptor.digest} goes on in ${Math.round(delayMs)} ms`,
      );
      await pause(delayMs, target.signal);
    }
  }
}

/** Of several that have had the blob, the one with most of the path in common: likeliest to be readable still. */
function nearestRepository(path: string, candidates: readonly string[]): string | undefined {
  const parts = path.split("/");
  const shared = (other: string) => {
    const differs = other.split("/").findIndex((part, at) => part !== parts[at]);
    return differs < 0 ? parts.length : differs;
  };
  return candidates
    .filter((candidate) => candidate !== path && candidate !== "")
    .sort((a, b) => shared(b) - shared(a))[0];
}
