/**
 * The writing side, which every process has, supervisors too: it loads nothing but a few system calls.
 *
 *     <state>/events.log      one JSON object on a line of its own, a line end before and one after it
 *
 * One write(2) to a file opened with O_APPEND goes to its end in one piece, since the kernel locks the inode for it.
 * A process that is killed meanwhile, or a disk that is full, cuts it short; the line end that the next record begins
 * with keeps the piece from becoming part of it, and a piece of JSON is never JSON.
 *
 * The file is never renamed nor emptied: its oldest blocks are given back to the filesystem. So offsets stay what they
 * were, whoever has it open need not open it again, and no writer can be left behind with the wrong file. On a
 * filesystem that knows no holes it grows.
 */
import type { Announcement, Envelope, EventPublisher } from "../core/events.ts";
import type { Labels } from "../core/labels.ts";
import { readClock } from "../sys/clock.ts";
import { positionOf, writeNow } from "../sys/descriptors.ts";
import { mkdirAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import { punchHead } from "../sys/holes.ts";
import { AT_FDCWD, closeFd, O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY, openAt } from "../sys/open.ts";

const BLOCK_BYTES = 4096;

export interface Bounds {
  /** What is kept at least. */
  keptBytes: number;
  /** How much may come before the log is cut again. */
  stepBytes: number;
}

const USUAL_BOUNDS: Bounds = { keptBytes: 4 << 20, stepBytes: 1 << 20 };

export const eventLogPath = (state: string): string => `${state}/events.log`;

export function openPublisher(state: string, bounds = USUAL_BOUNDS): EventPublisher {
  return {
    publish(namespace, ...announcement) {
      try {
        append(state, Buffer.from(encode(namespace, announcement)), bounds);
      } catch {
        // What it tells of has happened, and is what counts.
      }
    },
  };
}

function encode(namespace: string, [topic, event]: Announcement): string {
  const envelope: Envelope = { timestamp: readClock(), namespace, topic, event: asGoWrites(event) };
  return `\n${JSON.stringify(envelope)}\n`;
}

/** A protobuf message: without its fields that are zero, maps in key order, times without zeros at their end. */
function asGoWrites(message: object): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    if (name === "labels") written[name] = sortedUnlessEmpty(value);
    else if (Array.isArray(value)) written[name] = value.length > 0 ? value.map(element) : undefined;
    else if (value instanceof Date) written[name] = value.toISOString().replace(/\.?0*Z$/, "Z");
    else if (value) written[name] = element(value);
  }
  return written;
}

const element = (value: unknown): unknown =>
  typeof value === "object" ? asGoWrites(value as object) : value;

function sortedUnlessEmpty(labels: Labels): Labels | undefined {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** So that it can be watched before anything is published. */
export function makeEventLog(state: string): void {
  closeFd(openForAppending(state));
}

function append(state: string, record: Uint8Array, { keptBytes, stepBytes }: Bounds): void {
  const fd = openForAppending(state);
  try {
    const written = writeNow(fd, record) ?? 0;
    const end = positionOf(fd);
    // Whoever passes the next step cuts; if killed before, whoever passes the one after it.
    const hasPassedStep = Math.floor(end / stepBytes) > Math.floor((end - written) / stepBytes);
    if (hasPassedStep && end > keptBytes) punchHead(fd, roundDown(end - keptBytes, BLOCK_BYTES));
  } finally {
    closeFd(fd);
  }
}

function openForAppending(state: string): number {
  const open = () => openAt(AT_FDCWD, eventLogPath(state), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    return open();
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    makeDirectory(state);
    return open();
  }
}

/** Passable, as all makers of the state directory make it. */
function makeDirectory(path: string): void {
  try {
    mkdirAt(AT_FDCWD, path, 0o711);
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return;
    if (!hasErrno(error, "ENOENT")) throw error;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (parent === "") throw error;
    makeDirectory(parent);
    makeDirectory(path);
  }
}

const roundDown = (value: number, unit: number): number => Math.floor(value / unit) * unit;
