import { readFileSync } from "node:fs";
import type { Spec } from "../../src/core/runtime-spec.ts";
import type { Flags } from "./build.ts";

/** One flag of `run` or `containers create`, and what it changes in the spec of a container. */
export interface FlagCase {
  name: string;
  /** As typed, for the real one; absent when 1.6 lacks the flag or does otherwise on purpose (`newer` says why). */
  words?: readonly string[];
  /** The command that has it. `create` stands for both. */
  on?: "create" | "run";
  newer?: string;
  flags: Flags;
  /** Path in the spec to its new value; undefined where the path goes away. */
  delta: Readonly<Record<string, unknown>>;
}

/** What containerd 1.6.20 makes of `sleep 100` and an image like busybox's. */
export const baseSpec: Spec = JSON.parse(
  readFileSync(new URL("../fixtures/oci/container-spec.json", import.meta.url), "utf8"),
);
