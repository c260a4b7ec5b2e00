import type { SpecSeccomp, SpecSyscallRule } from "../core/runtime-spec.ts";
import { ALLOWED, ALLOWED_BY_CAPABILITY, BY_ARCHITECTURE } from "./seccomp-syscalls.ts";

/** Linux, Linux with 16-bit uids and short inodes, both of them, and the query of the present one (personality(2)). */
const PERSONALITIES = [0, 0x8, 0x20000, 0x20008, 0xffffffff];
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (linux/sched.h). */
const NEW_NAMESPACE_FLAGS = 0x7e020000;
const ENOSYS = 38;

/** containerd's default profile for a process whose bounding set is `capabilities`, on this machine. */
export function defaultSeccomp(
  capabilities: readonly string[],
  architecture: string = process.arch,
): SpecSeccomp {
  const machine = BY_ARCHITECTURE[architecture];
  const byCapability = capabilities.flatMap((name) => {
    const names = ALLOWED_BY_CAPABILITY[name];
    return names ? [allow([...names])] : [];
  });
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: [...(machine?.names ?? [])],
    syscalls: [
      allow([...ALLOWED]),
      ...PERSONALITIES.map((value) => allowArgument("personality", value, "SCMP_CMP_EQ")),
      allow(["ptrace"]),
      ...(machine ? [allow([...machine.allowed])] : []),
      ...byCapability,
      ...(capabilities.includes("CAP_SYS_ADMIN") ? [] : cloneRules()),
    ],
  };
}

/**
 * clone without new namespaces. A filter cannot look into clone3's arguments, which are in memory, so that one
 * answers ENOSYS, and libc falls back to clone.
 */
function cloneRules(): SpecSyscallRule[] {
  return [
    allowArgument("clone", NEW_NAMESPACE_FLAGS, "SCMP_CMP_MASKED_EQ"),
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
  ];
}

function allow(names: string[]): SpecSyscallRule {
  return { names, action: "SCMP_ACT_ALLOW" };
}

function allowArgument(name: string, value: number, op: string): SpecSyscallRule {
  return { ...allow([name]), args: [{ index: 0, value, op }] };
}
