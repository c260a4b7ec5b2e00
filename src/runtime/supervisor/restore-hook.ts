/**
 * The hook that the runtime runs in a restore, when the container's namespaces are there and none of its processes
 * goes on yet (createRuntime of the OCI runtime spec; runc calls it at criu's action `setup-namespaces`):
 *
 *     ctr _restore-hook BUNDLE      standard input: the container's state
 *
 * criu restores a network without devices, whose loopback is down; of a container that the runtime makes, it is up.
 */
import { readFileSync } from "node:fs";
import type { SpecNamespace } from "../../core/runtime-spec.ts";
import { raiseLoopback } from "../../sys/loopback.ts";
import { isSameProcessAlive, readProcessStat } from "../../sys/process.ts";
import { askSupervisor } from "../supervisor-call.ts";

/** Its failure is the restore's, which says why in these words. */
export async function runRestoreHook(bundlePath: string): Promise<void> {
  try {
    await passGate(bundlePath);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function passGate(bundlePath: string): Promise<void> {
  const { pid } = JSON.parse(readFileSync(0, "utf8")) as { pid: number };
  const startTicks = readProcessStat(pid)?.startTicks ?? 0;
  if (hasOwnNetwork(bundlePath)) raiseLoopback(pid);
  await askSupervisor({ path: bundlePath }, { op: "passGate", pid });
  // criu does not see it end while a hook is at work, and would wait for it for ever.
  if (!isSameProcessAlive(pid, startTicks)) throw new Error(`process ${pid} has ended`);
}

/** One that it joins, or the host's, is somebody else's. */
function hasOwnNetwork(bundlePath: string): boolean {
  const spec = JSON.parse(readFileSync(`${bundlePath}/config.json`, "utf8")) as {
    linux?: { namespaces?: SpecNamespace[] };
  };
  return spec.linux?.namespaces?.some(({ type, path }) => type === "network" && !path) ?? false;
}

if (import.meta.main) await runRestoreHook(process.argv.at(-1)!);
