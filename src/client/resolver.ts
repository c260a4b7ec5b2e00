import type { Resolver } from "../core/remotes.ts";
import type { RemoteOptions } from "../remotes/index.ts";

export type { Credentials, RemoteOptions } from "../remotes/index.ts";

/** Connects to nothing before its first request. */
export async function openResolver(options: RemoteOptions = {}): Promise<Resolver> {
  const remotes = await import("../remotes/index.ts");
  return remotes.openResolver(options);
}
