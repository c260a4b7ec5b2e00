import type { Client } from "../client/open.ts";
import { type PulledImage, type PullOptions, pull } from "../client/pull.ts";
import { openResolver, type RemoteOptions } from "../client/resolver.ts";
import type { Context } from "./context.ts";
import { openProgress } from "./progress/open-progress.ts";

export interface ShownPull extends Omit<PullOptions, "resolver" | "onProgress" | "signal"> {
  remote?: RemoteOptions;
  quiet?: boolean;
}

/** Pulls with a live screen, where there is a terminal to show it on. */
export async function pullShown(
  client: Client,
  ref: string,
  { remote, quiet = false, ...options }: ShownPull,
  { globals, signal }: Context,
): Promise<PulledImage> {
  const resolver = await openResolver(remote);
  using progress = await openProgress({ quiet: quiet || globals.debug });
  return await pull(client, ref, { ...options, resolver, signal, onProgress: progress.onProgress });
}
