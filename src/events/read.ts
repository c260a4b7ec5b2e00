/** The reading side of the log, for those who look on; append.ts says what is in it. */
import { fstatSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Envelope, ReadEvents } from "../core/events.ts";
import { compileFilters, mapField } from "../core/filters.ts";
import { hasErrno } from "../sys/errno.ts";
import { seekData } from "../sys/holes.ts";
import { onNotice, openChangeNotice } from "../sys/notices.ts";
import { AT_FDCWD, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { eventLogPath, makeEventLog } from "./append.ts";
import { openTail, type Tail } from "./tail.ts";

/** A longer time would be none. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** As `EventLog.read`. */
export async function* readEvents(state: string, options: ReadEvents = {}): AsyncGenerator<Envelope> {
  const { since, until, follow = false, filters } = options;
  const matches = compileFilters(filters, fieldOf);
  const [first, last] = [since && timestampOf(since), until && timestampOf(until)];
  const isWanted = (envelope: Envelope) =>
    (!first || envelope.timestamp >= first) && (!last || envelope.timestamp <= last) && matches(envelope);
  if (follow) makeEventLog(state);
  using tail = openLogTail(state, options);
  if (tail === undefined) return;
  using alarm = follow ? setAlarm(eventLogPath(state), options) : undefined;
  for (;;) {
    // Asked before reading: what was published up to then is read all the same.
    const isLast = alarm === undefined || alarm.isOver();
    for (const envelope of envelopesOf(tail)) if (isWanted(envelope)) yield envelope;
    if (isLast) return;
    if (tail.isRemoved()) throw new CtrError("NotFound", `event log ${JSON.stringify(eventLogPath(state))}`);
    await alarm.rings();
  }
}

/** `undefined` when nothing was ever published. */
function openLogTail(state: string, { since, follow, onLoss = () => {} }: ReadEvents): Tail | undefined {
  try {
    const fd = openAt(AT_FDCWD, eventLogPath(state), O_RDONLY | O_NOFOLLOW);
    const from = follow && !since ? fstatSync(fd).size : (seekData(fd, 0) ?? 0);
    return openTail(fd, from, onLoss);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function* envelopesOf(tail: Tail): Iterable<Envelope> {
  for (const line of tail.lines()) {
    const envelope = line === "" ? undefined : parseRecord(line);
    if (envelope) yield envelope;
  }
}

/** `undefined` for a piece of a record: its writer was killed, or its beginning cut off. */
function parseRecord(line: string): Envelope | undefined {
  try {
    return JSON.parse(line) as Envelope;
  } catch {
    return undefined;
  }
}

interface Alarm extends Disposable {
  /** Settles when the file has changed since the last time, or when it is over. */
  rings(): Promise<void>;
  isOver(): boolean;
}

/** Rings when the file changes; is over at a time, or when the signal aborts. */
function setAlarm(path: string, { until, signal }: ReadEvents): Alarm {
  let next = Promise.withResolvers<void>();
  let isOver = signal?.aborted ?? false;
  const changes = onNotice(openChangeNotice(path), () => next.resolve());
  const end = () => {
    isOver = true;
    next.resolve();
  };
  const timer = until && setTimeout(end, Math.min(Math.max(until.getTime() - Date.now(), 0), TIMER_MS_MAX));
  signal?.addEventListener("abort", end);
  return {
    async rings() {
      await next.promise;
      next = Promise.withResolvers();
    },
    isOver: () => isOver,
    [Symbol.dispose]() {
      changes[Symbol.dispose]();
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    },
  };
}

/** As in an envelope, to be compared with those. */
const timestampOf = (time: Date): string => time.toISOString().replace("Z", "000000Z");

/** As in containerd, only what is text can be asked for. */
function fieldOf({ topic, namespace, event }: Envelope, [field, ...path]: readonly string[]) {
  if (field === "topic") return topic;
  if (field === "namespace") return namespace;
  return field === "event" ? textAt(event, path) : undefined;
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return typeof value === "string" || value === true ? `${value}` : undefined;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const below = (value as Record<string, unknown>)[name];
  return name === "labels" ? mapField(below as Record<string, string>, rest) : textAt(below, rest);
}
