import { glob, readFile, realpath } from "node:fs/promises";
import { CtrError, withSubject } from "../core/errors.ts";
import type { SpecBlockIo, SpecDevice } from "../core/runtime-spec.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { findDevice } from "./devices.ts";
import type { SpecOption } from "./spec-input.ts";
import { resourcesOf } from "./spec-parts.ts";

/** One item of a class in the configuration file, with the field names that other runtimes' files have. */
interface ClassItem {
  /** Patterns of block device paths; without them a weight is that of all other devices. */
  Devices?: string[];
  Weight?: string | number;
  ThrottleReadBps?: string | number;
  ThrottleWriteBps?: string | number;
  ThrottleReadIOPS?: string | number;
  ThrottleWriteIOPS?: string | number;
}

type Field = Exclude<keyof ClassItem, "Devices">;

const THROTTLES = {
  ThrottleReadBps: "throttleReadBpsDevice",
  ThrottleWriteBps: "throttleWriteBpsDevice",
  ThrottleReadIOPS: "throttleReadIOPSDevice",
  ThrottleWriteIOPS: "throttleWriteIOPSDevice",
} as const satisfies Partial<Record<Field, keyof SpecBlockIo>>;

const FIELDS: readonly string[] = ["Devices", "Weight", ...Object.keys(THROTTLES)];
const SUFFIXES: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Puts the container's block I/O into a class that a configuration file describes. */
export const withBlockIo: SpecOption = async (spec, { input }) => {
  const { blockioClass, blockioConfigFile } = input;
  const classes = blockioConfigFile ? await readClasses(blockioConfigFile) : {};
  if (!blockioClass) return;
  const items = Object.hasOwn(classes, blockioClass) ? classes[blockioClass] : undefined;
  if (!items) {
    throw new CtrError(
      "InvalidArgument",
      `blockio-class error: no OCI BlockIO parameters for class ${JSON.stringify(blockioClass)}`,
      {
        hint: "describe the class in a file and give it with --blockio-config-file",
      },
    );
  }
  resourcesOf(spec).blockIO = await blockIoOf(items);
};

async function readClasses(path: string): Promise<Record<string, ClassItem[]>> {
  const subject = "blockio-config-file error";
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw withSubject(subject, asSysError(error, path));
  }
  try {
    return checkClasses(Bun.YAML.parse(text));
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new CtrError("InvalidArgument", `${subject}: ${path}: ${words}`, { cause });
  }
}

/** A misspelt field would leave a container without the limit that was meant: unknown ones are refused. */
function checkClasses(document: unknown): Record<string, ClassItem[]> {
  const classes = (document as { Classes?: unknown } | null)?.Classes ?? {};
  if (typeof classes !== "object") throw new Error("Classes is no map");
  for (const [name, items] of Object.entries(classes)) {
    if (!Array.isArray(items)) throw new Error(`class ${name} is no list`);
    for (const item of items as object[]) {
      const unknown = Object.keys(item ?? {}).find((field) => !FIELDS.includes(field));
      if (unknown) throw new Error(`class ${name} has an unknown field ${JSON.stringify(unknown)}`);
    }
  }
  return classes as Record<string, ClassItem[]>;
}

/** Later items replace what earlier ones say of the same device. */
async function blockIoOf(items: readonly ClassItem[]): Promise<SpecBlockIo> {
  const blockIo: SpecBlockIo = {};
  for (const item of items) {
    const weight = readQuantity(item, "Weight", 10, 1000);
    const rates = Object.entries(THROTTLES).flatMap(([field, key]) => {
      const rate = readQuantity(item, field as Field, 0, Number.MAX_SAFE_INTEGER);
      return rate === undefined ? [] : [{ key, rate }];
    });
    if (!item.Devices) {
      if (rates.length > 0) throw badClass("ignoring throttling: Devices not listed");
      if (weight !== undefined) blockIo.weight = weight;
      continue;
    }
    for (const { major, minor } of await findBlockDevices(item.Devices)) {
      if (weight !== undefined) {
        blockIo.weightDevice = replaceDevice(blockIo.weightDevice, { major, minor, weight });
      }
      for (const { key, rate } of rates) blockIo[key] = replaceDevice(blockIo[key], { major, minor, rate });
    }
  }
  return blockIo;
}

function replaceDevice<T extends { major: number; minor: number }>(list: readonly T[] = [], entry: T): T[] {
  const others = list.filter(({ major, minor }) => major !== entry.major || minor !== entry.minor);
  return [...others, entry];
}

/** Whole block devices that match, through links; a partition has no limits of its own. */
async function findBlockDevices(patterns: readonly string[]): Promise<SpecDevice[]> {
  const found = new Map<string, SpecDevice>();
  for (const pattern of patterns) {
    for await (const match of glob(pattern)) {
      const path = await realpath(match);
      const device = findDevice(path);
      if (device.type === "b" && !(await isPartition(device))) found.set(path, device);
    }
  }
  return [...found.values()];
}

async function isPartition({ major, minor }: SpecDevice): Promise<boolean> {
  try {
    await readFile(`/sys/dev/block/${major}:${minor}/partition`);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** A number, or one with a suffix: `50M`, `1.5Gi`. */
function readQuantity(item: ClassItem, field: Field, min: number, max: number): number | undefined {
  const text = item[field];
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)([kMGTP]|[KMGTP]i)?$/.exec(String(text));
  const value = match ? Math.ceil(Number(match[1]) * (SUFFIXES[match[2] ?? ""] ?? 1)) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badClass(`${field} ${JSON.stringify(text)} is no quantity from ${min} to ${max}`);
}

function badClass(why: string): CtrError {
  return new CtrError("InvalidArgument", `blockio-class error: ${why}`);
}
