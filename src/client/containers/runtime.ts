import { statSync } from "node:fs";
import { basename } from "node:path";
import { CtrError } from "../../core/errors.ts";
import type { Container } from "../../core/records.ts";
import type { RuntimeOptions } from "../../core/task.ts";
import { decodeRuncOptions } from "../../oci/runtime-options.ts";

export const DEFAULT_RUNTIME = "io.containerd.runc.v2";
/** containerd's names for shims that start runc, or its like. Their work is done by our supervisor. */
const RUNC_NAMES: readonly string[] = [
  DEFAULT_RUNTIME,
  "io.containerd.runc.v1",
  "io.containerd.runtime.v1.linux",
];
const RUNC_SHIMS: readonly string[] = ["containerd-shim-runc-v2", "containerd-shim-runc-v1"];
const HINT = "ctr has no shims: use --runc-binary for another OCI runtime";

/** How a container's record says its runtime is called. Throws what `requireRunc` throws. */
export function runtimeOptionsOf({ name, options }: Container["runtime"]): RuntimeOptions {
  requireRunc(name);
  const { binaryName, root, systemdCgroup, noPivotRoot } = options ? decodeRuncOptions(options) : {};
  return { binary: binaryName, root, systemdCgroup, noPivot: noPivotRoot };
}

/**
 * A name is resolved as containerd does, to a shim: `a.b.NAME.VERSION` on PATH, or an absolute path. Throws
 * NotImplemented for one that is not runc's, and in containerd's words for one that is not there.
 */
function requireRunc(name: string): void {
  if (RUNC_NAMES.includes(name)) return;
  const shim = name.startsWith("/") ? customShim(name) : shimOf(name);
  if (RUNC_SHIMS.includes(basename(shim))) return;
  throw new CtrError(
    "NotImplemented",
    `failed to start shim: shim ${shim} of runtime ${JSON.stringify(name)}`,
    {
      hint: HINT,
    },
  );
}

function customShim(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw notResolved(`invalid custom binary path: stat ${path}: no such file or directory`);
}

function shimOf(name: string): string {
  const parts = name.split(".");
  if (parts.length < 2 || parts.includes("") || name.includes("/")) {
    throw notResolved(
      `invalid runtime name ${name}, correct runtime name should be either format like \`io.containerd.runc.v1\` or a full path to the binary`,
    );
  }
  const shim = `containerd-shim-${parts.slice(-2).join("-")}`;
  const path = Bun.which(shim, { PATH: process.env.PATH ?? "" });
  if (path !== null) return path;
  throw notResolved(
    `runtime ${JSON.stringify(name)} binary not installed ${JSON.stringify(shim)}: file does not exist`,
  );
}

const notResolved = (words: string): CtrError =>
  new CtrError("Unknown", `failed to start shim: failed to resolve runtime path: ${words}`, { hint: HINT });
