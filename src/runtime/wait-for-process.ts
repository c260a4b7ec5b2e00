import { CtrError } from "../core/errors.ts";
import type { Exit } from "../core/task.ts";
import { isSameProcessAlive } from "../sys/process.ts";
import { type Bundle, readExecRecord, readExit, readInitRecord, UNSEEN } from "./bundle.ts";
import { isLocked } from "./bundle-lock.ts";
import { SupervisorGone } from "./connection.ts";
import { fromWireExit } from "./supervisor/protocol.ts";
import { askSupervisor } from "./supervisor-call.ts";

/** Without a supervisor nobody tells us; /proc is asked. */
const LOOK_MS = 50;

/** Until the first process, or an exec, has ended. Throws NotFound. */
export async function waitForProcess(bundle: Bundle, execId?: string): Promise<Exit> {
  const find = () => (execId === undefined ? readInitRecord(bundle) : readExecRecord(bundle, execId));
  if (find() === undefined) throw notFound(bundle, execId);
  const known = readExit(bundle, execId);
  if (known !== undefined) return known;
  try {
    return fromWireExit(await askSupervisor(bundle, { op: "wait", execId }));
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  for (;;) {
    const process = find();
    if (process === undefined) throw notFound(bundle, execId);
    // A supervisor that is about to write how it ended still has the lock.
    const isOver = !isSameProcessAlive(process.pid, process.startTicks) && !isLocked(bundle.path);
    const exit = readExit(bundle, execId);
    if (exit !== undefined) return exit;
    if (isOver) return UNSEEN;
    await Bun.sleep(LOOK_MS);
  }
}

function notFound(bundle: Bundle, execId: string | undefined): CtrError {
  return new CtrError("NotFound", execId === undefined ? `task ${bundle.id}` : `process ${execId}`);
}
