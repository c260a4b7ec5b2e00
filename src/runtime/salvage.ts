/** Records as far as they can be told, for whoever removes what they stand for. */
import { type Bundle, execDir, execRecordPath, findRecord, taskRecordPath } from "./bundle.ts";
import { isOutput, isRunc } from "./record-shapes.ts";
import type { OutputPlaces, TaskRecord } from "./records.ts";
import { findRunc, type Runc } from "./runc.ts";

/** What of a task is outside of its bundle. */
export interface TaskRemains extends OutputPlaces {
  runc: Runc;
}

/**
 * What is damaged, or missing in another version's record, is as it usually is. Undefined without any record. Throws
 * NotFound where the usual runtime is not installed.
 */
export function salvageTask(bundle: Bundle): TaskRemains | undefined {
  const found = findRecord<TaskRecord>(taskRecordPath(bundle));
  if (found === undefined) return undefined;
  return { runc: isRunc(found.runc) ? found.runc : usualRunc(bundle), ...outputOf(found, bundle.path) };
}

/** The same of an exec. */
export function salvageExec(bundle: Bundle, execId: string): OutputPlaces | undefined {
  const found = findRecord<OutputPlaces>(execRecordPath(bundle, execId));
  return found && outputOf(found, execDir(bundle, execId));
}

function usualRunc({ path }: Bundle): Runc {
  const [state, [namespace]] = [path.split("/").slice(0, -3), path.split("/").slice(-2)];
  return findRunc({}, `${state.join("/")}/runc/${namespace}`);
}

function outputOf(found: Partial<OutputPlaces>, directory: string): OutputPlaces {
  if (!isOutput(found)) return { output: "null", fifoDir: directory, logPath: "" };
  const { output, fifoDir, logPath, timesPath } = found;
  return { output, fifoDir, logPath, timesPath };
}
