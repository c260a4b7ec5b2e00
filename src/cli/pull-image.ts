import { type PulledImage, type PullOptions, pull } from "../client/images/pull.ts";
import { openResolver, type RemoteOptions, usualRemoteOptions } from "../client/images/resolver.ts";
import type { Client } from "../client/open.ts";
import type { Digest } from "../core/digest.ts";
import type { Context } from "./context.ts";
import { openProgress } from "./progress/open-progress.ts";

export interface ShownPull extends Omit<PullOptions, "resolver" | "onProgress" | "onUnpacking" | "signal"> {
  remote?: RemoteOptions;
  quiet?: boolean;
  /** Told of each platform as it is unpacked, or once the live screen is closed. */
  onUnpacking?: (platform: string, target: Digest) => void;
}

/** Pulls with a live screen, where there is a terminal to show it on. */
export async function pullShown(
  client: Client,
  ref: string,
  { remote, quiet = false, onUnpacking, ...options }: ShownPull,
  { globals, signal }: Context,
): Promise<PulledImage> {
  const resolver = await openResolver(remote ?? usualRemoteOptions());
  const progress = await openProgress({ quiet: quiet || globals.debug });
  const pending: Array<() => void> = [];
  try {
    return await pull(client, ref, {
      ...options,
      resolver,
      signal,
      onProgress: progress.onProgress,
      onUnpacking: (platform, target) => {
        const tell = () => onUnpacking?.(platform, target);
        if (progress.isLive) pending.push(tell);
        else tell();
      },
    });
  } finally {
    progress[Symbol.dispose]();
    for (const tell of pending) tell();
  }
}
