import { closeSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import { validateIdentifier } from "../core/identifier.ts";
import { randomHex } from "../core/random.ts";
import type { Attachment, ExecProcess } from "../core/task.ts";
import { anticipateMigration } from "./anticipate-migration.ts";
import {
  type AttachedProcess,
  follow,
  openFifoJoin,
  openTerminalJoin,
  waitThenDelete,
} from "./attachment.ts";
import { type Bundle, execDir, readExecRecord, readTaskRecord, writeRecord } from "./bundle.ts";
import { claimExec } from "./claim-exec.ts";
import { connectToSupervisor, SupervisorGone } from "./connection.ts";
import { writePidFile } from "./pid-file.ts";
import type { ExecRecord } from "./records.ts";
import { callersTerminal, terminalSize } from "./stdio/join-terminal.ts";
import { CALLER_STREAMS, type PlannedStdio, planStdio } from "./stdio/plan.ts";
import type { TaskContext } from "./task-context.ts";
import { taskStatus } from "./task-status.ts";
import { waitForProcess } from "./wait-for-process.ts";

/** As `Task.exec`. */
export async function startExec(
  context: TaskContext,
  bundle: Bundle,
  request: ExecProcess,
): Promise<Attachment | number> {
  const { execId, io } = request;
  validateIdentifier(execId);
  requireRunning(bundle);
  anticipateMigration();
  const connection = await connectToSupervisor(bundle);
  if (connection === undefined) throw withoutSupervisor(bundle);
  let isFollowed = false;
  let claimFd: number | undefined;
  try {
    claimFd = await claimExec(bundle, execId, connection);
    const { record, stdio } = fillExecDirectory(context, bundle, request);
    const streams = (io.kind === "attached" ? io.streams : undefined) ?? CALLER_STREAMS;
    const process: AttachedProcess = {
      bundle,
      execId,
      terminal: record.terminal,
      fifoDir: stdio.fifoDir,
      streams,
    };
    const fifoJoin = io.kind === "attached" && !record.terminal ? openFifoJoin(process) : undefined;
    const attached = io.kind === "attached";
    const { claim } = record;
    const starting = connection.ask({ op: "exec", execId, claim, stdio: stdio.plan, attached });
    // The end is asked for with the beginning; not with a terminal, which we have to take over before.
    const ended = fifoJoin && waitThenDelete(connection, execId);
    ended?.catch(() => {});
    const { pid } = await starting.catch((error) => {
      fifoJoin?.close();
      throw error;
    });
    if (request.pidFile) writePidFile(request.pidFile, pid);
    if (io.kind !== "attached") return pid;
    const join = fifoJoin ?? openTerminalJoin(process);
    const startTicks = readExecRecord(bundle, execId)?.startTicks ?? 0;
    isFollowed = true;
    return follow({ ...process, identity: { pid, startTicks } }, { join, connection, ended }, () =>
      waitForProcess(bundle, execId),
    );
  } catch (error) {
    throw error instanceof SupervisorGone ? withoutSupervisor(bundle) : error;
  } finally {
    if (claimFd !== undefined) closeSync(claimFd);
    if (!isFollowed) connection[Symbol.dispose]();
  }
}

function requireRunning(bundle: Bundle): void {
  const status = taskStatus(bundle);
  if (status !== "running") throw new CtrError("Unknown", `cannot exec in a ${status} state`);
}

/** Nobody would learn how the process ends, nor keep its streams. It may have left with the task's end, too. */
function withoutSupervisor(bundle: Bundle): CtrError {
  requireRunning(bundle);
  return new CtrError("FailedPrecondition", `cannot exec in task ${bundle.id}, whose supervisor was killed`, {
    hint: "what runs in it goes on, and can be killed and deleted; start it again to exec in it",
  });
}

function fillExecDirectory(
  context: TaskContext,
  bundle: Bundle,
  request: ExecProcess,
): { record: ExecRecord; stdio: PlannedStdio } {
  const { execId, io } = request;
  const directory = execDir(bundle, execId);
  try {
    const process = withConsoleSize(request);
    const terminal = process.terminal ?? false;
    const logPath = context.logPath(bundle.id, execId);
    const owner = {
      directory,
      id: execId,
      containerId: bundle.id,
      namespace: context.namespace,
      terminal,
      logPath,
      label: process.selinuxLabel ? readTaskRecord(bundle)?.streamLabel : undefined,
    };
    const stdio = planStdio(io, owner);
    const { output, fifoDir } = stdio;
    const claim = randomHex(8);
    const record: ExecRecord = { claim, pid: 0, startTicks: 0, terminal, output, fifoDir, logPath };
    writeFileSync(join(directory, "process.json"), JSON.stringify(process), { mode: 0o600 });
    writeRecord(join(directory, "exec.json"), record);
    return { record, stdio };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

interface ProcessView {
  selinuxLabel?: string;
  terminal?: boolean;
  consoleSize?: { width: number; height: number };
}

function withConsoleSize({ process, io }: ExecProcess): ProcessView {
  const view = process as ProcessView;
  if (!view.terminal || io.kind !== "attached") return view;
  const { columns, rows } = terminalSize(callersTerminal(io.streams ?? CALLER_STREAMS));
  return { consoleSize: { width: columns, height: rows }, ...view };
}
