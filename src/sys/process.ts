/**
 * Processes by number. Dangerous here: a pid is reused as soon as its process is reaped, so one that was stored is
 * only ever used together with its start time, or held as a pidfd; signals to 0, -1 or a negative number reach
 * whole groups, so they are refused.
 *
 * `waitpid(-1)` is never called: it would steal the children of Bun.spawn, which then throws ECHILD and ends the
 * process. SIGCHLD says when to look again.
 */
import { CtrError } from "../core/errors.ts";
import { checkCall, hasErrno, SysError } from "./errno.ts";
import { LONG, lastErrno, linkOnFirstUse } from "./libc.ts";
import { closeFd } from "./open.ts";
import { readSmallFile } from "./small-file.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const P_ALL = 0;
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;

const libc = linkOnFirstUse({
  prctl: { args: ["i32", LONG, LONG, LONG, LONG], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  waitid: { args: ["i32", "i32", "ptr", "i32"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  syscall: { args: [LONG, LONG, LONG, LONG, LONG], returns: LONG },
});

/** From now on orphaned descendants of this process become its children, and it must reap them. */
export function becomeSubreaper(): void {
  checkCall(libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl PR_SET_CHILD_SUBREAPER");
}

export interface ExitStatus {
  /** As a shell has it: the exit code, or 128 and the signal's number. */
  code: number;
  /** What killed it. */
  signalNumber: number | undefined;
  coreDumped: boolean;
}

const waitStatus = new Int32Array(1);

/**
 * The status of the child `pid` once it has ended, which reaps it; `undefined` while it runs. Never blocks. Throws
 * NotFound (ECHILD) for what is not, or no longer, a child.
 */
export function reap(pid: number): ExitStatus | undefined {
  requireSinglePid(pid);
  const reaped = checkCall(libc().waitpid(pid, waitStatus, WNOHANG), "waitpid", `${pid}`);
  return reaped === 0 ? undefined : decodeStatus(waitStatus[0]!);
}

/** siginfo_t, whose first word is SIGCHLD then. */
const signalInfo = new Int32Array(32);

/** Whether some child has ended and waits to be reaped, which it is not by this. */
export function hasEndedChild(): boolean {
  signalInfo[0] = 0;
  // It fails only where there is no child at all.
  return libc().waitid(P_ALL, 0, signalInfo, WEXITED | WNOHANG | WNOWAIT) === 0 && signalInfo[0] !== 0;
}

function decodeStatus(status: number): ExitStatus {
  const signalNumber = status & 0x7f;
  return signalNumber === 0
    ? { code: (status >> 8) & 0xff, signalNumber: undefined, coreDumped: false }
    : { code: 128 + signalNumber, signalNumber, coreDumped: (status & 0x80) !== 0 };
}

export interface ProcessStat {
  /** `R`, `S`, `D`, `Z` (ended, not reaped) … as in man 5 proc_pid_stat. */
  state: string;
  /** Since boot, in clock ticks: with the pid, an identity that holds until the next boot. */
  startTicks: number;
}

/** What /proc says of `pid`; `undefined` when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  requireSinglePid(pid);
  const text = readProcFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name in parentheses may itself hold spaces and parentheses; the fields follow the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, startTicks: Number(fields[19]) };
}

/** ESRCH: the process ended between open and read. */
function readProcFile(path: string): string | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    if (hasErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}

/** Whether `pid` still is the process that started at `startTicks`, and has not ended. */
export function isSameProcessAlive(pid: number, startTicks: number): boolean {
  const stat = readProcessStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== "Z" && stat.state !== "X";
}

/**
 * Sends `signalNumber` to `pid` if it still is the process that started at `startTicks`; false when it is gone.
 * The process is pinned by a pidfd before it is identified, so the signal cannot reach a successor.
 */
export function signalProcess(pid: number, startTicks: number, signalNumber: number): boolean {
  const pidFd = tryOpenPidFd(pid);
  if (pidFd === undefined) return false;
  try {
    if (readProcessStat(pid)?.startTicks !== startTicks) return false;
    return signalPidFd(pidFd, signalNumber);
  } finally {
    closeFd(pidFd);
  }
}

/** kill(2) of a process known to be alive or unreaped, such as a child of ours. False when there is none. */
export function kill(pid: number, signalNumber: number): boolean {
  requireSinglePid(pid);
  return wasDelivered(libc().kill(pid, signalNumber), "kill", pid);
}

/** A descriptor that stands for `pid` whatever becomes of the number (Linux 5.3). Throws NotFound (ESRCH). */
export function openPidFd(pid: number): number {
  requireSinglePid(pid);
  return checkCall(libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0), "pidfd_open", `${pid}`);
}

/** False when the process has ended and been reaped. */
export function signalPidFd(pidFd: number, signalNumber: number): boolean {
  const result = libc().syscall(SYS_PIDFD_SEND_SIGNAL, pidFd, signalNumber, 0, 0);
  return wasDelivered(result, "pidfd_send_signal");
}

function tryOpenPidFd(pid: number): number | undefined {
  try {
    return openPidFd(pid);
  } catch (error) {
    if (hasErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}

function wasDelivered(result: number | bigint, syscall: string, pid?: number): boolean {
  if (result !== -1) return true;
  const failure = new SysError(lastErrno(), syscall, pid?.toString());
  if (failure.errno === "ESRCH") return false;
  throw failure;
}

/** 0 and negative numbers mean process groups, or everybody. */
function requireSinglePid(pid: number): void {
  if (!Number.isInteger(pid) || pid <= 0) throw new CtrError("InvalidArgument", `process id ${pid}`);
}
