import type { ProcessIo } from "../../core/task.ts";
import { UsageError } from "../usage-error.ts";
import { booleanFlag, type FlagValues, stringFlag } from "./flag.ts";

/** Where a task's streams go: flags of `run` and `tasks start`. */
export const taskIoFlags = {
  detach: booleanFlag("start it and return; its output is kept for `tasks logs`", { alias: "d" }),
  nullIo: booleanFlag("read nothing, and drop all output"),
  logUri: stringFlag("send output to file:///PATH, or through the program binary:///PATH", {
    placeholder: "URI",
  }),
  fifoDir: stringFlag("where FIFOs for its streams are made", {
    placeholder: "DIR",
    completion: "directories",
  }),
  pidFile: stringFlag("file to write the process id to", { placeholder: "FILE", completion: "files" }),
};

/** Throws for what cannot go together. */
export function taskIoOf(
  { detach, nullIo, logUri, fifoDir }: Omit<FlagValues<typeof taskIoFlags>, "pidFile">,
  isTerminal: boolean,
): ProcessIo {
  if (isTerminal && nullIo) throw new UsageError("tty and null-io cannot be used together");
  if (isTerminal && logUri) throw new UsageError("can't use log-uri with tty");
  if (nullIo) return { kind: "null" };
  if (logUri) return { kind: "uri", uri: logUri };
  return detach ? { kind: "log", fifoDir } : { kind: "attached", fifoDir };
}
