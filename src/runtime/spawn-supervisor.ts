/** The supervisor of one task: this executable in its other role, as a process that outlives us. */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import { type Connection, connectByFd } from "./connection.ts";
import { runtimeEnvironment } from "./runc.ts";

export interface SpawnedSupervisor {
  connection: Promise<Connection>;
  /** Leaves it alone with what it has, and waits until it is gone. */
  end(): Promise<void>;
}

const CONNECTION_FD = 3;
/**
 * A supervisor waits, and hardly ever computes: without helper threads, compilers and a young generation that is
 * collected for itself, JavaScriptCore keeps an eighth less private memory for it.
 */
const LEAN_ENGINE = {
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useGenerationalGC: "0",
  BUN_JSC_useBaselineJIT: "0",
  BUN_JSC_useDFGJIT: "0",
};

/** In a session of its own, with nothing of ours but a connection and the lock. */
export function spawnSupervisor(bundle: Bundle, lockFd: number): SpawnedSupervisor {
  const logFd = openSync(join(bundle.path, "supervisor.log"), "a", 0o600);
  const child = Bun.spawn([...commandOf("supervise", "main.ts"), bundle.path], {
    stdio: ["ignore", "ignore", logFd, "pipe", lockFd],
    detached: true,
    env: { ...runtimeEnvironment(), ...LEAN_ENGINE },
    cwd: "/",
  });
  child.unref();
  closeSync(logFd);
  const connection = connectByFd(child.stdio[CONNECTION_FD] as number);
  return {
    connection,
    async end() {
      (await connection)[Symbol.dispose]();
      child.ref();
      await child.exited;
    },
  };
}

/** What the runtime has to run in a restore, for the container to wait until it may go on. */
export const restoreHookCommand = (bundle: Bundle): string[] => [
  ...commandOf("restore-hook", "restore-hook.ts"),
  bundle.path,
];

/** This executable in another role; in the sources, the role's own entry point. */
function commandOf(role: string, entry: string): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs");
  if (isCompiled) return [process.execPath, `_${role}`];
  const path = join(import.meta.dirname, "supervisor", entry);
  return [process.execPath, "--no-env-file", "--config=/dev/null", path];
}
