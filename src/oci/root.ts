import type { SpecOption } from "./spec-input.ts";
import { linuxOf } from "./spec-parts.ts";

export const withRoot: SpecOption = (spec, { input }) => {
  if (input.source.kind === "directory") spec.root = { ...spec.root, path: input.source.path };
  if (input.readOnly) spec.root = { ...(spec.root ?? { path: "rootfs" }), readonly: true };
};

/** `rshared`, `slave`, … of mount(8); the runtime checks it. */
export const withRootfsPropagation: SpecOption = (spec, { input }) => {
  if (input.rootfsPropagation) linuxOf(spec).rootfsPropagation = input.rootfsPropagation;
};
