import { readFile } from "node:fs/promises";
import { CtrError } from "../core/errors.ts";
import type { Spec } from "../core/runtime-spec.ts";
import type { SpecOption } from "./spec-input.ts";
import { capabilitiesOf } from "./spec-parts.ts";

/** In the kernel's order: the place in the list is the bit (linux/capability.h). */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

const GRANTED_SETS = ["bounding", "effective", "permitted"] as const;

/** Names are not checked further: what the running kernel does not know, the runtime warns about. */
export const withAddedCapabilities: SpecOption = (spec, { input }) => {
  for (const name of checkPrefix(input.capAdd)) {
    const capabilities = capabilitiesOf(spec);
    for (const set of GRANTED_SETS) {
      const granted = capabilities[set] ?? [];
      if (!granted.includes(name)) capabilities[set] = [...granted, name];
    }
  }
};

export const withDroppedCapabilities: SpecOption = (spec, { input }) => {
  const dropped = checkPrefix(input.capDrop);
  if (dropped.length === 0) return;
  const capabilities = capabilitiesOf(spec);
  for (const set of GRANTED_SETS) {
    const kept = (capabilities[set] ?? []).filter((name) => !dropped.includes(name));
    if (kept.length > 0) capabilities[set] = kept;
    else delete capabilities[set];
  }
};

function checkPrefix(names: readonly string[] = []): readonly string[] {
  const bad = names.find((name) => !name.startsWith("CAP_"));
  if (bad === undefined) return names;
  throw new CtrError("InvalidArgument", "capabilities must be specified with 'CAP_' prefix", {
    hint: `write CAP_${bad.toUpperCase()}`,
  });
}

/**
 * All that this process itself may use: for root, all that the kernel knows; in a container without some of them,
 * those that can be handed on. Never inheritable (CVE-2022-27649).
 */
export async function grantAllCapabilities(spec: Spec): Promise<void> {
  const status = await readFile("/proc/self/status", "utf8");
  const bits = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = NAMES.split(" ")
    .filter((_name, bit) => (bits >> BigInt(bit)) & 1n)
    .map((name) => `CAP_${name}`);
  const capabilities = capabilitiesOf(spec);
  for (const set of GRANTED_SETS) capabilities[set] = [...names];
}
