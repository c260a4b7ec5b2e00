import { CtrError, hasCode } from "../core/errors.ts";
import type { ReadLogOptions } from "../core/task.ts";
import type { Bundle, TaskRecord } from "./bundle.ts";
import { lastLinesOffset, openLog } from "./stdio/log-file.ts";
import { taskStatus } from "./task-status.ts";

const LOOK_MS = 50;

/** As `Task.readLog`. */
export async function* readTaskLog(
  bundle: Bundle,
  { output, logPath }: TaskRecord,
  { follow = false, tailLines, signal }: ReadLogOptions = {},
): AsyncIterable<Uint8Array> {
  if (output !== "log") {
    throw new CtrError("NotFound", `log of task ${bundle.id}`, {
      hint: "only a task that was started detached, without --log-uri, --null-io, --fifo-dir and --tty, keeps one",
    });
  }
  using log = openLog(logPath, tailLines === undefined ? 0 : lastLinesOffset(logPath, tailLines));
  while (!signal?.aborted) {
    const isLast = !follow || isOver(bundle);
    for (let bytes = log.read(); bytes !== undefined; bytes = log.read()) yield bytes;
    if (isLast) return;
    await Bun.sleep(LOOK_MS);
  }
}

function isOver(bundle: Bundle): boolean {
  try {
    return taskStatus(bundle) === "stopped";
  } catch (error) {
    if (hasCode(error, "NotFound")) return true;
    throw error;
  }
}
