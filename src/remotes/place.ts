import type { Registry } from "./registry.ts";

/** One repository of one registry, and what a token must allow there. */
export interface Place {
  registry: Registry;
  path: string;
  scope: string;
  signal?: AbortSignal;
}
