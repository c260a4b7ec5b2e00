import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import type { ContainerDefaults } from "../../src/core/image-config.ts";
import type { Spec } from "../../src/core/runtime-spec.ts";
import { buildSpec } from "../../src/oci/build-spec.ts";
import type { SpecInput } from "../../src/oci/spec-input.ts";

export type Flags = Partial<Omit<SpecInput, "source">>;

/** The spec of `sleep 100` from an image like busybox's, whose root filesystem has no users or groups. */
export async function build(
  flags: Flags = {},
  config: ContainerDefaults = {},
  rootfs = "/sys",
): Promise<Spec> {
  return buildSpec({
    namespace: "default",
    id: "c1",
    source: {
      kind: "image",
      config: { Env: ["PATH=/bin"], Cmd: ["sh"], ...config },
      openRootfs: async () => rootfs,
    },
    args: ["sleep", "100"],
    ...flags,
  });
}

/** What a promise is rejected with, which must be a `CtrError`. */
export async function rejection(work: Promise<unknown>): Promise<CtrError> {
  const outcome = await work.then(
    () => "success",
    (error: unknown) => error,
  );
  assert.instance(outcome, CtrError);
  return outcome as CtrError;
}
