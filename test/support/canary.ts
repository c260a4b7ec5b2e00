import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { CtrError } from "../../src/core/errors.ts";
import { openApplier } from "../../src/diff/index.ts";
import type { Layer } from "./image.ts";
import type { TarEntry } from "./tar-bytes.ts";
import type { TempDir } from "./temp.ts";
import { listTree } from "./tree.ts";
import { asLayer, contentOf } from "./unpack.ts";

/** Files beside the root that a layer is unpacked into, which no layer may ever reach. */
export interface Canary {
  /** `…/outside`; the root is `…/root` beside it. */
  readonly outside: string;
  readonly root: string;
  /** Throws when anything outside has changed: names, bytes, modes, owners, times, attributes, links. */
  assertUntouched(): void;
}

export function openCanary(dir: TempDir): Canary {
  const outside = dir.join("outside");
  const root = dir.join("root");
  mkdirSync(join(outside, "directory"), { recursive: true });
  mkdirSync(root);
  writeFileSync(join(outside, "victim"), "untouched");
  chmodSync(join(outside, "victim"), 0o640);
  writeFileSync(join(outside, "directory/inner"), "untouched too");
  symlinkSync("victim", join(outside, "link"));
  const before = listTree(outside);
  return { outside, root, assertUntouched: () => assert.equal(listTree(outside), before) };
}

/** The ways in which a layer gets into a tree: as the first one, and above others. */
export const TARGETS = ["bind", "overlay"] as const;

/** Unpacks hostile layers in turn; answers the error that stopped it, or undefined. The canary must be untouched. */
export async function attack(
  canary: Canary,
  layers: readonly (Layer | readonly TarEntry[])[],
  target: (typeof TARGETS)[number] = "bind",
): Promise<CtrError | undefined> {
  const lower = join(canary.root, "..", "lower");
  mkdirSync(lower, { recursive: true });
  const overlay = [`workdir=${lower}`, `upperdir=${canary.root}`, `lowerdir=${lower}`];
  const mount =
    target === "bind"
      ? { type: "bind", source: canary.root, options: ["rw", "rbind"] }
      : { type: "overlay", source: "overlay", options: overlay };
  const mountPlaces = join(canary.root, "..", "mounts");
  try {
    for (const layer of layers.map(asLayer)) {
      await openApplier({ content: contentOf([layer]), mountPlaces }).apply(layer.descriptor, [mount]);
    }
    return undefined;
  } catch (error) {
    return error as CtrError;
  } finally {
    canary.assertUntouched();
  }
}
