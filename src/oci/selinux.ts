import { readFileSync, writeFileSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import type { Mount } from "../core/mount.ts";
import type { Spec } from "../core/runtime-spec.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import type { SelinuxLabels, SpecOption } from "./spec-input.ts";
import { linuxOf, processOf } from "./spec-parts.ts";

/** Answers whether a text written there is a label of the loaded policy. */
const LABEL_CHECK = "/sys/fs/selinux/context";
const CONFIG = "/etc/selinux/config";
/** USER:ROLE:TYPE, and a level such as s0:c1,c2 where the policy has levels. No quote, which would end the mount option. */
const LABEL = /^[\w.-]+:[\w.-]+:[\w.-]+(?::(?<level>[\w.:,-]+))?$/;

/**
 * The labels as they are asked for; files that nobody asks a label for get the policy's own for containers' files, at
 * the level of the process, as Docker's and Podman's do. Throws as `requireLabel`, and NotFound for a policy that knows
 * nothing of containers.
 */
export function selinuxLabels({ process, mount }: SelinuxLabels): SelinuxLabels {
  if (process) requireLabel(process);
  if (mount) requireLabel(mount);
  if (!process || mount) return { process, mount };
  return { process, mount: atLevelOf(process, containerFileLabel()) };
}

/**
 * Throws InvalidArgument for what is no label, or none of the host's policy; FailedPrecondition on a host without
 * SELinux.
 */
export function requireLabel(label: string): void {
  if (!LABEL.test(label)) {
    throw new CtrError("InvalidArgument", `SELinux label ${JSON.stringify(label)}`, {
      hint: "write USER:ROLE:TYPE:LEVEL, for example system_u:system_r:container_t:s0:c1,c2",
    });
  }
  try {
    writeFileSync(LABEL_CHECK, label);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) {
      throw new CtrError("FailedPrecondition", `SELinux label ${label} on a host without SELinux`, {
        hint: "leave the label out, or boot a kernel with security=selinux and a policy",
      });
    }
    if (!hasErrno(error, "EINVAL")) throw asSysError(error, LABEL_CHECK);
    throw new CtrError("InvalidArgument", `SELinux label ${label} is not of the host's policy`, {
      hint: "see seinfo -u, -r and -t for what is",
    });
  }
}

/** What libselinux calls lxc_contexts: the policy's word on containers. */
function containerFileLabel(): string {
  const policy = settingOf(readPolicyFile(CONFIG), "SELINUXTYPE");
  const contexts = `/etc/selinux/${policy}/contexts/lxc_contexts`;
  const label = policy && settingOf(readPolicyFile(contexts), "file");
  if (label) return label;
  throw new CtrError("NotFound", `SELinux label of containers' files in ${policy ? contexts : CONFIG}`, {
    hint: "give --selinux-mount-label",
  });
}

function readPolicyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw asSysError(error, path);
  }
}

/** Of a line `key = value`, with or without quotes. */
export function settingOf(text: string, key: string): string | undefined {
  return new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\s]+)`, "m").exec(text)?.[1];
}

/** Categories keep containers apart, so files must have those of the process. */
export function atLevelOf(process: string, file: string): string {
  const level = LABEL.exec(process)?.groups?.level;
  const [user, role, type] = file.split(":");
  return [user, role, type, ...(level ? [level] : [])].join(":");
}

export const withSelinuxLabels: SpecOption = (spec, { input }) => {
  const { process, mount } = input.selinuxLabels ?? {};
  if (process) processOf(spec).selinuxLabel = process;
  if (mount) linuxOf(spec).mountLabel = mount;
};

/**
 * The mounts of a container's root, showing its files under the label that the spec has for them. Throws as
 * `requireLabel`, and FailedPrecondition for mounts that show a directory as it is, labels included.
 */
export function withMountLabel(mounts: readonly Mount[], { process, linux }: Spec): Mount[] {
  if (process?.selinuxLabel) requireLabel(process.selinuxLabel);
  const label = linux?.mountLabel;
  if (!label) return [...mounts];
  requireLabel(label);
  const root = mounts.at(-1);
  if (root && root.type !== "overlay") {
    throw new CtrError("FailedPrecondition", `SELinux label ${label} of files on a ${root.type} mount`, {
      hint: "use the snapshotter overlayfs",
    });
  }
  // In quotes, for its commas.
  const option = `context="${label}"`;
  return mounts.map((mount) =>
    mount.type === "overlay" ? { ...mount, options: [...mount.options, option] } : mount,
  );
}
