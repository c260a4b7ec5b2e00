/** Whether what a record's file holds is such a record: it may be damaged, or another version's. */
import type { ExecRecord, ExitRecord, InitRecord, OutputKind, OutputPlaces, TaskRecord } from "./records.ts";
import type { Runc } from "./runc.ts";

const OUTPUT_KINDS: readonly (OutputKind | undefined)[] = [
  "fifo",
  "caller",
  "log",
  "null",
  "uri",
  "terminal",
];

const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export const isRunc = (runc: Partial<Runc> | null | undefined): runc is Runc =>
  isText(runc?.binary) && isText(runc.root) && isFlag(runc.systemdCgroup);

export const isOutput = (places: Partial<OutputPlaces>): places is OutputPlaces =>
  OUTPUT_KINDS.includes(places.output) &&
  isText(places.fifoDir) &&
  isText(places.logPath) &&
  isText(places.timesPath ?? "");

export function isTaskRecord(record: Partial<TaskRecord>): record is TaskRecord {
  const flags = [record.noPivot, record.terminal, record.hasPidNamespace, record.hasPoststopHooks];
  return (
    isText(record.namespace) &&
    isRunc(record.runc) &&
    flags.every(isFlag) &&
    Array.isArray(record.mounts) &&
    isOutput(record)
  );
}

export const isInitRecord = ({ pid, startTicks, started }: Partial<InitRecord>): boolean =>
  isCount(pid) && isCount(startTicks) && isFlag(started);

export const isExecRecord = (record: Partial<ExecRecord>): boolean =>
  isCount(record.pid) &&
  isCount(record.startTicks) &&
  isText(record.claim) &&
  isFlag(record.terminal) &&
  isOutput(record);

export const isExitRecord = (record: Partial<ExitRecord>): record is ExitRecord =>
  isCount(record.status) && isText(record.at) && !Number.isNaN(Date.parse(record.at));
