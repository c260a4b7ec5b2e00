import type { Descriptor } from "../core/descriptor.ts";
import type { AppliedLayer } from "../core/differ.ts";
import type { ErrorMessage } from "../core/errors.ts";
import type { Mount } from "../core/mount.ts";

/** What a thread is asked: one layer after the other; `stop` is about the one under way. */
export type Request = { kind: "apply"; layer: Descriptor; onto: readonly Mount[] } | { kind: "stop" };

/** `progress` any number of times, then one of the others. */
export type Reply =
  | { kind: "progress"; bytes: number }
  | { kind: "applied"; layer: AppliedLayer }
  | { kind: "failed"; error: ErrorMessage };
