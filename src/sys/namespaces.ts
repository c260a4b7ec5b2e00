/**
 * Entering and leaving namespaces, and the rights that needs. Dangerous here: namespaces belong to threads. These
 * calls change the JavaScript thread alone; the runtime's pool threads (async fs) stay where they were, so only
 * synchronous calls act in the new namespace until it is left again.
 *
 * Kernel rules: a thread that shares its working directory with others (all of ours do) cannot enter a mount
 * namespace before unshare(CLONE_FS); a process of several threads can never enter another user namespace.
 */
import { readFileSync } from "node:fs";
import { checkCall } from "./errno.ts";
import { linkOnFirstUse } from "./libc.ts";

export const CLONE_FS = 0x00000200;
export const CLONE_NEWNS = 0x00020000;
export const CLONE_NEWNET = 0x40000000;

export const CAP_SYS_ADMIN = 21;
export const CAP_MKNOD = 27;

const libc = linkOnFirstUse({
  setns: { args: ["i32", "i32"], returns: "i32" },
  unshare: { args: ["i32"], returns: "i32" },
});

/** Enters the namespace that `fd` (an open /proc/PID/ns/…) stands for; `kind`, a CLONE_NEW…, guards against mistakes. */
export function enterNamespace(fd: number, kind: number): void {
  checkCall(libc().setns(fd, kind), "setns");
}

/** Gives this thread its own copies of what `flags` names. A new pid namespace takes effect for children only. */
export function unshare(flags: number): void {
  checkCall(libc().unshare(flags), "unshare");
}

/** Whether this process may use `capability` (linux/capability.h) now. */
export function hasCapability(capability: number): boolean {
  const status = readFileSync("/proc/thread-self/status", "latin1");
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}
