/**
 * What must outlive whoever made it: which containers are, or may be, in a network, and all that it takes to take them
 * out again. One file for each below `networks/`, in place before the first plugin is called and until the last one
 * has let go.
 */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { CtrError } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import { JsonFields } from "../core/json-fields.ts";
import { TEMPORARY_PREFIX, writeFileAtomically } from "../files/atomic-write.ts";
import { makeDirectoryDurably } from "../files/durable.ts";
import { listNames } from "../files/list-names.ts";
import { isSameProcessAlive, readProcessStat } from "../sys/process.ts";
import { readSmallFile, removeFile } from "../sys/small-file.ts";
import { MOST_PLUGINS, type NetworkConfig } from "./config.ts";

/** A draft that is older has no writer any more. */
const DRAFT_MS = 10_000;

/** A process that is recognised after a reboot, too. */
interface BootedProcess {
  pid: number;
  startTicks: number;
  bootId: string;
}

export interface AttachmentRecord {
  /** The container's. */
  namespace: string;
  id: string;
  network: NetworkConfig;
  interfaceName: string;
  /** Where its network namespace is kept. */
  netns: string;
  pluginDirectories: readonly string[];
  args: string;
  capabilityArgs: Readonly<Record<string, unknown>>;
  /** The container's first: the attachment is of no use without it. */
  process: BootedProcess;
  /** What the last plugin answered, once all have. */
  result?: Readonly<Record<string, unknown>>;
  /** Some plugin would not let go of it when it was last asked to. */
  resists?: boolean;
}

/** By the names that plugins know containers by. */
export interface AttachmentRecords {
  pathOf(name: string): string;
  /** Throws DataLoss for one that is damaged, or another version's. */
  get(name: string): AttachmentRecord | undefined;
  /** Durably. */
  put(name: string, record: AttachmentRecord): void;
  remove(name: string): void;
  names(): string[];
  /** What writers that were killed have left; `remove` removes these, too. */
  drafts(): string[];
}

export function openRecords(directory: string): AttachmentRecords {
  const pathOf = (name: string) => join(directory, name);
  return {
    pathOf,
    get(name) {
      const text = readSmallFile(pathOf(name));
      return text === undefined ? undefined : parseRecord(text, pathOf(name));
    },
    put(name, record) {
      makeDirectoryDurably(directory, 0o700);
      writeFileAtomically(pathOf(name), `${JSON.stringify(record)}\n`);
    },
    remove: (name) => removeFile(pathOf(name)),
    names: () => listNames(directory).filter((name) => !name.startsWith(TEMPORARY_PREFIX)),
    drafts: () => listNames(directory).filter((name) => isOldDraft(pathOf(name))),
  };
}

function isOldDraft(path: string): boolean {
  if (!basename(path).startsWith(TEMPORARY_PREFIX)) return false;
  const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return Date.now() - changedAt > DRAFT_MS;
}

function parseRecord(text: string, path: string): AttachmentRecord {
  try {
    const record = parseExactJson(text);
    checkRecord(new JsonFields(record, "record"));
    return record as AttachmentRecord;
  } catch {
    throw new CtrError("DataLoss", `record of a network attachment ${path}`, {
      hint: "remove the file; what it stood for has to be removed by hand",
    });
  }
}

function checkRecord(fields: JsonFields): void {
  const [network, process] = [required(fields, "network", "object"), required(fields, "process", "object")];
  for (const name of ["namespace", "id", "interfaceName", "netns", "args"]) required(fields, name, "string");
  for (const name of ["name", "cniVersion"]) required(network, name, "string");
  for (const plugin of network.objects("plugins", MOST_PLUGINS) ?? []) required(plugin, "type", "string");
  for (const name of ["pid", "startTicks"]) required(process, name, "count");
  required(process, "bootId", "string");
  required(fields, "pluginDirectories", "strings");
  required(fields, "capabilityArgs", "object");
  fields.object("result");
}

function required<K extends "object" | "string" | "strings" | "count">(
  fields: JsonFields,
  name: string,
  kind: K,
): NonNullable<ReturnType<JsonFields[K]>> {
  const value = fields[kind](name);
  if (value === undefined) throw fields.wrong(name, "there");
  return value as NonNullable<ReturnType<JsonFields[K]>>;
}

/** Throws NotFound for a process that is gone. */
export function bootedProcess(pid: number): BootedProcess {
  const stat = readProcessStat(pid);
  if (stat === undefined) throw new CtrError("NotFound", `process ${pid}`);
  return { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** Whether the container has come to its end: by itself, or with its boot. */
export const isOver = ({ process: { pid, startTicks, bootId: boot } }: AttachmentRecord): boolean =>
  boot !== bootId() || !isSameProcessAlive(pid, startTicks);

const bootId = (): string => readSmallFile("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
