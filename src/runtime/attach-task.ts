import { CtrError } from "../core/errors.ts";
import type { Attachment, CallerStreams } from "../core/task.ts";
import { type AttachedProcess, follow, openFifoJoin, openTerminalJoin } from "./attachment.ts";
import { type Bundle, readInitRecord } from "./bundle.ts";
import { connectToSupervisor, deadConnection } from "./connection.ts";
import { deleteTask } from "./delete-task.ts";
import type { TaskRecord } from "./records.ts";
import { joinLog } from "./stdio/join-log.ts";
import { CALLER_STREAMS } from "./stdio/plan.ts";
import { waitForProcess } from "./wait-for-process.ts";

/** As `Task.attach`. */
export async function attachTask(
  bundle: Bundle,
  { terminal, fifoDir, output, logPath }: TaskRecord,
  streams: CallerStreams = CALLER_STREAMS,
): Promise<Attachment> {
  const init = readInitRecord(bundle);
  if (init === undefined) throw new CtrError("NotFound", `task ${bundle.id}`);
  const process: AttachedProcess = { bundle, terminal, fifoDir, streams };
  const connection = (await connectToSupervisor(bundle)) ?? deadConnection;
  const afterSupervisor = async () => {
    await waitForProcess(bundle);
    return deleteTask(bundle);
  };
  const open = terminal ? openTerminalJoin : openFifoJoin;
  const join = output === "log" ? joinLog(bundle, logPath, openFifoJoin(process), streams) : open(process);
  return follow({ ...process, identity: init }, { join, connection }, afterSupervisor);
}
