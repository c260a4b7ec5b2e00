import { closeSync, fstatSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import type { CallerStreams, ProcessIo } from "../../core/task.ts";
import { makeFifo } from "../../sys/descriptors.ts";
import { makeLabelled } from "../../sys/file-label.ts";
import { readProcessStat } from "../../sys/process.ts";
import type { OutputKind, ProcessIdentity } from "../records.ts";
import type { StdioPlan, StreamSource } from "../supervisor/protocol.ts";
import { callerEndKind } from "./caller-end.ts";

export const STREAM_NAMES = ["stdin", "stdout", "stderr"] as const;
export const CALLER_STREAMS: CallerStreams = { stdin: 0, stdout: 1, stderr: 2 };

/** What the supervisor opens for a process, and where its output can be found later. */
export interface PlannedStdio {
  plan: StdioPlan;
  output: OutputKind;
  fifoDir: string;
}

export interface StdioOwner {
  /** The bundle, or the exec's directory. */
  directory: string;
  /** Of the process: the container's, or the exec's. */
  id: string;
  containerId: string;
  namespace: string;
  terminal: boolean;
  logPath: string;
  /** Where the times of its log are recorded, if they are. */
  timesPath?: string;
  /**
   * Of the container's files, for a process that SELinux confines: it may write to nothing else, and has what else it
   * is given taken away at its first instruction.
   */
  label?: string;
}

type AppendSource = Extract<StreamSource, { kind: "append" }>;

const NOTHING: StdioPlan = { stdin: { kind: "null" }, stdout: { kind: "null" }, stderr: { kind: "null" } };

/** Decides, and makes the FIFOs. Throws InvalidArgument for what cannot be. */
export function planStdio(io: ProcessIo, owner: StdioOwner): PlannedStdio {
  if (owner.terminal) return planTerminal(io, owner);
  switch (io.kind) {
    case "null":
      return { plan: NOTHING, output: "null", fifoDir: owner.directory };
    case "uri":
      return { plan: planUri(io.uri, owner), output: "uri", fifoDir: owner.directory };
    case "log":
      return io.fifoDir ? planFifos(io.fifoDir, owner) : planLog(owner);
    case "attached":
      return io.fifoDir ? planFifos(io.fifoDir, owner) : planAttached(io.streams ?? CALLER_STREAMS, owner);
  }
}

export function fifoPath(fifoDir: string, id: string, name: string): string {
  return join(fifoDir, `${id}-${name}`);
}

function planTerminal(io: ProcessIo, { directory }: StdioOwner): PlannedStdio {
  if (io.kind === "null") throw new CtrError("InvalidArgument", "tty and null-io cannot be used together");
  if (io.kind === "uri") throw new CtrError("InvalidArgument", "can't use log-uri with tty");
  return { plan: NOTHING, output: "terminal", fifoDir: directory };
}

/**
 * Each stream by what the caller has there: only pipes can be handed on as they are. Of a runtime that fails, stderr
 * gets the words that become our error message too; so a pipe of its own is copied, and only after success. Where it
 * is stdout's, the order of what is written counts more. A process that SELinux confines may not use pipes of its
 * caller's.
 */
function planAttached(streams: CallerStreams, owner: StdioOwner): PlannedStdio {
  const self = ownIdentity();
  const source = (name: (typeof STREAM_NAMES)[number]): StreamSource => {
    const fd = streams[name];
    const kind = callerEndKind(fd);
    if (kind === "null") return { kind: "null" };
    const isPlain = kind === "pipe" && owner.label === undefined;
    const isHandedOn = isPlain && (name !== "stderr" || isSamePipe(fd, streams.stdout));
    return isHandedOn ? { kind: "caller", process: self, fd } : fifoSource(owner.directory, owner, name);
  };
  const plan = { stdin: source("stdin"), stdout: source("stdout"), stderr: source("stderr") };
  const hasFifo = plan.stdout.kind === "fifo" || plan.stderr.kind === "fifo";
  return { plan, output: hasFifo ? "fifo" : "caller", fifoDir: owner.directory };
}

function isSamePipe(fd: number, other: number): boolean {
  if (callerEndKind(other) !== "pipe") return false;
  const [one, another] = [fstatSync(fd), fstatSync(other)];
  return one.ino === another.ino && one.dev === another.dev;
}

function planFifos(parent: string, owner: StdioOwner): PlannedStdio {
  const fifoDir = join(parent, Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex"));
  mkdirSync(fifoDir, { recursive: true, mode: 0o700 });
  const [stdin, stdout, stderr] = STREAM_NAMES.map((name) => fifoSource(fifoDir, owner, name));
  return { plan: { stdin: stdin!, stdout: stdout!, stderr: stderr! }, output: "fifo", fifoDir };
}

function planLog(owner: StdioOwner): PlannedStdio {
  const { directory, logPath, timesPath } = owner;
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  const log: AppendSource = { kind: "append", path: logPath, mode: 0o600, isBounded: true, timesPath };
  makeForLabel(log, owner);
  const plan = { stdin: fifoSource(directory, owner, "stdin"), stdout: log, stderr: log };
  return { plan, output: "log", fifoDir: directory };
}

function fifoSource(fifoDir: string, { id, label }: StdioOwner, name: string): StreamSource {
  const path = fifoPath(fifoDir, id, name);
  makeLabelled(label, () => makeFifo(path, 0o600));
  return { kind: "fifo", path };
}

/** The supervisor would make it under no label. One that is there keeps its own: it may be anybody's. */
function makeForLabel({ path, mode }: AppendSource, { label }: StdioOwner): void {
  if (label !== undefined) makeLabelled(label, () => closeSync(openSync(path, "a", mode)));
}

function planUri(text: string, owner: StdioOwner): StdioPlan {
  const { containerId, namespace, label } = owner;
  const { protocol, pathname, searchParams } = parseUri(text);
  const path = decodeURIComponent(pathname);
  if (protocol === "file:") {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const file: AppendSource = { kind: "append", path, mode: 0o644, isBounded: false };
    makeForLabel(file, owner);
    return { ...NOTHING, stdout: file, stderr: file };
  }
  if (protocol !== "binary:") {
    throw new CtrError("InvalidArgument", `unknown STDIO scheme ${protocol.slice(0, -1)}`);
  }
  if (label !== undefined) {
    throw new CtrError("NotImplemented", "a logging program for a container with an SELinux label", {
      hint: "write file:///PATH, or let the program read ctr tasks logs -f",
    });
  }
  const words = [...new Set(searchParams.keys())].flatMap((key) => [key, searchParams.get(key)!]);
  const environment = { CONTAINER_ID: containerId, CONTAINER_NAMESPACE: namespace };
  const logger: StreamSource = { kind: "logger" };
  return { ...NOTHING, stdout: logger, stderr: logger, logger: { command: [path, ...words], environment } };
}

function parseUri(text: string): URL {
  const uri = URL.canParse(text) ? new URL(text) : undefined;
  if (uri?.pathname.startsWith("/")) return uri;
  throw new CtrError("InvalidArgument", `log URI ${JSON.stringify(text)}`, {
    hint: "write file:///PATH or binary:///PATH",
  });
}

function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: readProcessStat(process.pid)!.startTicks };
}
