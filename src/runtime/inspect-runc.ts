import { knownFaults } from "./known-faults.ts";
import type { Runc } from "./runc.ts";
import { runtimeEnvironment } from "./runc.ts";

/** What an OCI runtime says about itself. */
export interface RuncInfo {
  /** Absolute. */
  path: string;
  /** `runc`, `crun`. */
  name: string;
  version: string;
  /** The commit, or the package, that it was built from; empty when it does not say. */
  revision: string;
  /** As `runc features` prints them; undefined for a runtime that has no such command. */
  features?: object;
  /** One sentence for each group of known faults that it may still have. */
  warnings: string[];
}

/** Starts it twice. A runtime that says nothing of use has empty texts. */
export async function inspectRunc({ binary }: Pick<Runc, "binary">): Promise<RuncInfo> {
  const [said, features] = await Promise.all([ask(binary, "--version"), ask(binary, "features")]);
  const [, name = "", version = ""] = /^(\S+) version (\S+)/m.exec(said) ?? [];
  const revision = /^commit: *(\S+)/m.exec(said)?.[1] ?? "";
  return {
    path: binary,
    name,
    version,
    revision,
    features: features.startsWith("{") ? JSON.parse(features) : undefined,
    warnings: knownFaults(name, version),
  };
}

async function ask(binary: string, word: string): Promise<string> {
  const child = Bun.spawn([binary, word], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: runtimeEnvironment(),
  });
  const text = await child.stdout.text();
  return (await child.exited) === 0 ? text : "";
}
