/**
 * From a request to a created container: the client's part. The supervisor starts while the bundle is made, and after
 * it, given a `Prelaunch`, the OCI runtime.
 */
import { chmodSync, chownSync, closeSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { CtrError, withSubject } from "../core/errors.ts";
import type { Mount } from "../core/mount.ts";
import type { SpecHook } from "../core/runtime-spec.ts";
import type { Prelaunch, RunTask } from "../core/task.ts";
import { mountAll } from "../sys/mount.ts";
import { anticipateMigration } from "./anticipate-migration.ts";
import { type Bundle, isCreated, readInitRecord, writeRecord } from "./bundle.ts";
import { isStill, lockBundle, taken } from "./bundle-lock.ts";
import { type Connection, SupervisorGone } from "./connection.ts";
import { waitForCreation } from "./creation.ts";
import type { InitRecord, TaskRecord } from "./records.ts";
import { removeDeadTask } from "./remove-dead-task.ts";
import { asCreation, type CallContext, callAhead, planCall, type RuntimeCall } from "./runtime-call.ts";
import { restoreHookCommand, type SpawnedSupervisor, spawnSupervisor } from "./spawn-supervisor.ts";
import { callersTerminal, terminalSize } from "./stdio/join-terminal.ts";
import { CALLER_STREAMS, type PlannedStdio } from "./stdio/plan.ts";

/** A task whose supervisor waits for `create`. */
export interface PreparedTask {
  bundle: Bundle;
  record: TaskRecord;
  stdio: PlannedStdio;
  connection: Connection;
  request: RunTask;
  /** Asks for the container; answers its pid. A failure leaves nothing of the task. */
  create(options: { start: boolean }): Promise<number>;
  /** The same for one that is restored; `furnish` comes when its namespaces are there, before it goes on. */
  restore(furnish: (pid: number) => Promise<void>): Promise<number>;
}

export interface LaunchContext extends Omit<CallContext, "bundle"> {
  cgroupSuffix: string;
}

export async function prepareTask(
  bundle: Bundle,
  requested: RunTask | Promise<RunTask>,
  context: LaunchContext,
  { prelaunch, interrupted }: { prelaunch?: Prelaunch; interrupted?: AbortSignal } = {},
): Promise<PreparedTask> {
  // Whoever awaits it below is late for one that fails before.
  if (requested instanceof Promise) requested.catch(() => {});
  const lockFd = await claimBundle(bundle, interrupted);
  let supervisor: SpawnedSupervisor | undefined;
  let call: RuntimeCall | undefined;
  const giveUp = async (error: unknown): Promise<never> => {
    try {
      await supervisor?.end();
      // Unless the supervisor was killed it has removed all, and the name may be another's by now.
      if (isStill(lockFd, bundle.path)) await removeDeadTask(bundle);
    } catch {
      // What went wrong first is what counts; the rest is litter, which says so in the list of tasks.
    } finally {
      closeSync(lockFd);
    }
    throw error;
  };
  try {
    supervisor = spawnSupervisor(bundle, lockFd);
    const callContext = { ...context, bundle };
    if (prelaunch) call = callAhead(supervisor.connection, callContext, prelaunch);
    anticipateMigration();
    const request = await requested;
    if (prelaunch) requirePlain(request);
    if (request.checkpointDir !== undefined) {
      const { prepareRestore } = await import("./criu/prepare-restore.ts");
      prepareRestore(request.checkpointDir, request.spec);
    }
    call ??= planCall(callContext, {
      ...request,
      terminal: isTerminal(request),
      label: streamLabelOf(request),
    });
    const { record, config } = fillBundle(bundle, request, call, context);
    const { create, stdio } = call;
    const connection = await supervisor.connection;
    return {
      bundle,
      record,
      stdio,
      connection,
      request,
      async create({ start }) {
        try {
          anticipateMigration();
          const { pid } = await asCreation(orInitRecord(bundle, lockFd, create(connection, config, start)));
          closeSync(lockFd);
          return pid;
        } catch (error) {
          return giveUp(error);
        }
      },
      async restore(furnish) {
        try {
          const { pid } = await asCreation(create(connection, config, false));
          await furnish(pid);
          await asCreation(orInitRecord(bundle, lockFd, connection.ask({ op: "start" })));
          closeSync(lockFd);
          return pid;
        } catch (error) {
          return giveUp(error);
        }
      },
    };
  } catch (error) {
    return giveUp(error);
  }
}

/** A supervisor that was killed may have done what was asked, and been about to say so; or have removed it. */
async function orInitRecord<T>(bundle: Bundle, lockFd: number, answer: Promise<T>): Promise<T | InitRecord> {
  try {
    return await answer;
  } catch (error) {
    const isOurs = error instanceof SupervisorGone && isStill(lockFd, bundle.path);
    const init = isOurs ? readInitRecord(bundle) : undefined;
    if (init === undefined) throw error;
    return init;
  }
}

/** What a `Prelaunch` is for. Of another task its runtime would be told too little. */
function requirePlain(request: RunTask): void {
  const { id, io, pidFile, beforeStart, checkpointDir } = request;
  const hasPlainStreams = io.kind === "attached" && !io.fifoDir && streamLabelOf(request) === undefined;
  const isOneStep = !pidFile && beforeStart === undefined && checkpointDir === undefined;
  if (hasPlainStreams && isOneStep && !isTerminal(request)) return;
  throw new CtrError("InvalidArgument", `prelaunch of task ${id}`, {
    hint: "run it without one: it has more than plain streams, or something to be done before its start",
  });
}

/** Locks an empty bundle. Throws AlreadyExists for a task that is one; what is none is litter, and goes. */
async function claimBundle(bundle: Bundle, interrupted: AbortSignal | undefined): Promise<number> {
  for (;;) {
    await waitForCreation(bundle, interrupted);
    const lockFd = await lockBundle(bundle);
    try {
      if (isCreated(bundle)) throw taken(bundle);
      if (readdirSync(bundle.path).length === 0) return lockFd;
      await removeDeadTask(bundle);
    } catch (error) {
      closeSync(lockFd);
      throw error;
    }
    // The lock went with the directory.
    closeSync(lockFd);
  }
}

/** All but config.json, which is answered. */
function fillBundle(
  bundle: Bundle,
  request: RunTask,
  { runc, stdio }: RuntimeCall,
  { namespace, cgroupSuffix, logPath, timesPath }: LaunchContext,
): { record: TaskRecord; config: string } {
  const { mounts, runtime = {} } = request;
  const asked = withOwnCgroup(withConsoleSize(request), `/${namespace}/${bundle.id}`, cgroupSuffix);
  const spec = request.checkpointDir === undefined ? asked : withHook(asked, restoreHookCommand(bundle));
  const record: TaskRecord = {
    namespace,
    runc,
    noPivot: runtime.noPivot ?? false,
    terminal: isTerminal(request),
    hasPidNamespace: spec.linux?.namespaces?.some(({ type, path }) => type === "pid" && !path) ?? false,
    limitedCgroup: (spec.linux?.resources?.memory?.limit ?? 0) > 0 ? spec.linux?.cgroupsPath : undefined,
    hasPoststopHooks: (spec.hooks?.poststop?.length ?? 0) > 0,
    mounts,
    output: stdio.output,
    fifoDir: stdio.fifoDir,
    logPath,
    timesPath,
    streamLabel: streamLabelOf(request),
    checkpointDir: request.checkpointDir,
    restoredLabel: spec.process?.selinuxLabel || undefined,
    whenAbandoned: request.whenAbandoned,
  };
  writeRecord(join(bundle.path, "task.json"), record);
  mkdirSync(runc.root, { recursive: true, mode: 0o711 });
  admitMappedRoot(bundle, spec);
  // criu leaves the root as it finds it: writable, whatever the spec says.
  const isReadOnly = request.checkpointDir !== undefined && spec.root?.readonly === true;
  mountRootfs(bundle, isReadOnly ? readOnly(mounts) : mounts);
  refuseLinkedDev(resolve(bundle.path, spec.root?.path ?? "rootfs"));
  return { record, config: JSON.stringify(spec) };
}

/**
 * runc makes the links that belong into /dev by path, and removes ptmx before, while it still sees the host: where an
 * image's /dev is a link, that happens wherever it leads.
 */
function refuseLinkedDev(rootfs: string): void {
  if (!lstatSync(join(rootfs, "dev"), { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new CtrError("FailedPrecondition", "/dev of the root filesystem is a link", {
    hint: "the OCI runtime would follow it out of the container",
  });
}

/** In a user namespace the container's root is somebody else, who has to get through the bundle to its root. */
function admitMappedRoot({ path }: Bundle, { linux }: SpecView): void {
  const group = linux?.gidMappings?.find(({ containerID }) => containerID === 0)?.hostID;
  if (group === undefined) return;
  chownSync(path, -1, group);
  chmodSync(path, 0o710);
}

const readOnly = (mounts: readonly Mount[]): Mount[] =>
  mounts.map((mount) => ({ ...mount, options: [...mount.options.filter((one) => one !== "rw"), "ro"] }));

function mountRootfs(bundle: Bundle, mounts: readonly Mount[]): void {
  const rootfs = join(bundle.path, "rootfs");
  mkdirSync(rootfs, { mode: 0o711 });
  try {
    mountAll(mounts, rootfs);
  } catch (error) {
    throw withSubject("failed to mount rootfs component", error);
  }
}

/** What we read of an OCI runtime spec. */
interface SpecView {
  root?: { path: string; readonly?: boolean };
  process?: {
    terminal?: boolean;
    consoleSize?: { width: number; height: number };
    selinuxLabel?: string;
  };
  hooks?: { poststop?: unknown[]; createRuntime?: SpecHook[] };
  linux?: {
    cgroupsPath?: string;
    mountLabel?: string;
    resources?: { memory?: { limit?: number } };
    namespaces?: { type: string; path?: string }[];
    gidMappings?: { containerID: number; hostID: number }[];
  };
}

/** Its terminal has the caller's size from its first instruction on. Throws FailedPrecondition without a terminal. */
function withConsoleSize({ spec, io }: RunTask): SpecView {
  const view = spec as SpecView;
  if (!view.process?.terminal || io.kind !== "attached") return view;
  const { columns, rows } = terminalSize(callersTerminal(io.streams ?? CALLER_STREAMS));
  return { ...view, process: { consoleSize: { width: columns, height: rows }, ...view.process } };
}

/** After those it has. */
function withHook(spec: SpecView, [path = "", ...words]: string[]): SpecView {
  const hook = { path, args: [path, ...words], env: [] };
  return { ...spec, hooks: { ...spec.hooks, createRuntime: [...(spec.hooks?.createRuntime ?? []), hook] } };
}

const isTerminal = ({ spec }: RunTask): boolean => (spec as SpecView).process?.terminal ?? false;

function streamLabelOf({ spec }: RunTask): string | undefined {
  const { process, linux } = spec as SpecView;
  return process?.selinuxLabel ? linux?.mountLabel || undefined : undefined;
}

/** The usual cgroup is made this state directory's own; one that the user chose may be meant to be shared. */
function withOwnCgroup(spec: SpecView, usual: string, suffix: string): SpecView {
  if (suffix === "" || spec.linux?.cgroupsPath !== usual) return spec;
  return { ...spec, linux: { ...spec.linux, cgroupsPath: `${usual}${suffix}` } };
}
