import { CtrError, hasCode } from "../core/errors.ts";
import type { ReadLogOptions } from "../core/task.ts";
import { type Bundle, readExit } from "./bundle.ts";
import { isLocked } from "./bundle-lock.ts";
import type { TaskRecord } from "./records.ts";
import { type LogReader, lastLinesOffset, openLog } from "./stdio/log-file.ts";
import { type LogTimes, openTimes } from "./stdio/read-times.ts";
import { createStamper } from "./stdio/stamp-lines.ts";
import { taskStatus } from "./task-status.ts";

const LOOK_MS = 50;
const NS_PER_MS = 1_000_000n;

/** As `Task.readLog`. */
export async function* readTaskLog(
  bundle: Bundle,
  { output, logPath, timesPath }: TaskRecord,
  { follow = false, tailLines, timestamps = false, since, onTimesLost, signal }: ReadLogOptions = {},
): AsyncIterable<Uint8Array> {
  if (output !== "log") {
    throw new CtrError("NotFound", `log of task ${bundle.id}`, {
      hint: "only a task that was started detached, without --log-uri, --null-io, --fifo-dir and --tty, keeps one",
    });
  }
  using log = openLog(logPath, tailLines === undefined ? 0 : lastLinesOffset(logPath, tailLines));
  using times = timestamps || since ? requireTimes(bundle, timesPath, log) : undefined;
  const sinceNs = since && BigInt(since.getTime()) * NS_PER_MS;
  const stamp = times && createStamper(times, { timestamps, sinceNs });
  if (times && areLost(bundle, times)) onTimesLost?.();
  while (!signal?.aborted) {
    const isLast = !follow || isOver(bundle);
    for (let bytes = log.read(); bytes !== undefined; bytes = log.read()) {
      yield stamp ? stamp(bytes, log.offset - bytes.length) : bytes;
    }
    if (isLast) return;
    await Bun.sleep(LOOK_MS);
  }
}

function requireTimes({ id }: Bundle, path: string | undefined, log: LogReader): LogTimes {
  const times = path === undefined ? undefined : openTimes(path, log);
  if (times !== undefined) return times;
  throw new CtrError("NotFound", `times of the log of task ${id}`, {
    hint: "an older ctr started it, or they could not be written; without --timestamps and --since the log can be read",
  });
}

/** A supervisor that lives is about to record the last; one that saw the end of the task has. */
function areLost(bundle: Bundle, times: LogTimes): boolean {
  const isUnattended = !isLocked(bundle.path) && readExit(bundle) === undefined;
  return isUnattended && !times.areComplete();
}

function isOver(bundle: Bundle): boolean {
  try {
    return taskStatus(bundle) === "stopped";
  } catch (error) {
    if (hasCode(error, "NotFound")) return true;
    throw error;
  }
}
