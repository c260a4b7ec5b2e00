import { hostname } from "node:os";
import { CtrError } from "../core/errors.ts";
import type { IdMapping, NamespaceType, SpecNamespace } from "../core/runtime-spec.ts";
import { mergeEnv } from "./env.ts";
import type { SpecOption } from "./spec-input.ts";
import { linuxOf, processOf } from "./spec-parts.ts";

const JOINABLE: readonly string[] = ["pid", "network", "uts", "mount", "user", "ipc", "cgroup"];
const MAX_ID = 2 ** 32 - 1;

export const withNetHost: SpecOption = (spec, { input }) => {
  if (!input.netHost) return;
  const linux = linuxOf(spec);
  linux.namespaces = linux.namespaces?.filter(({ type }) => type !== "network");
  spec.mounts = [...(spec.mounts ?? []), bindReadOnly("/etc/hosts"), bindReadOnly("/etc/resolv.conf")];
  const process = processOf(spec);
  process.env = mergeEnv(process.env ?? [], [`HOSTNAME=${hostname()}`]);
};

function bindReadOnly(path: string) {
  return { destination: path, type: "bind", source: path, options: ["rbind", "ro"] };
}

export const withJoinedNamespaces: SpecOption = (spec, { input }) => {
  for (const namespace of input.namespaces ?? []) {
    const linux = linuxOf(spec);
    linux.namespaces ??= [];
    const at = linux.namespaces.findIndex(({ type }) => type === namespace.type);
    if (at < 0) linux.namespaces.push({ ...namespace });
    else linux.namespaces[at] = { ...namespace };
  }
};

/** `TYPE:PATH` as `--with-ns` takes it. Throws InvalidArgument. */
export function parseNamespaceJoin(text: string): SpecNamespace {
  const colon = text.indexOf(":");
  if (colon < 0) {
    throw new CtrError(
      "InvalidArgument",
      "joining a Linux namespace using --with-ns requires the format 'nstype:path'",
    );
  }
  const type = text.slice(0, colon);
  if (!JOINABLE.includes(type)) {
    throw new CtrError(
      "InvalidArgument",
      `the Linux namespace type specified in --with-ns is not valid: ${type}`,
      { hint: `use one of ${JOINABLE.join(", ")}` },
    );
  }
  return { type: type as NamespaceType, path: text.slice(colon + 1) };
}

/** A user namespace of its own; the owner of the root filesystem is the caller's affair. */
export const withUserMappings: SpecOption = (spec, { input }) => {
  const { uidMappings, gidMappings } = input;
  if (!uidMappings?.length || !gidMappings?.length) return;
  const linux = linuxOf(spec);
  linux.namespaces ??= [];
  if (!linux.namespaces.some(({ type }) => type === "user")) linux.namespaces.push({ type: "user" });
  linux.uidMappings = uidMappings.map((mapping) => ({ ...mapping }));
  linux.gidMappings = gidMappings.map((mapping) => ({ ...mapping }));
};

/** `CONTAINER-ID:HOST-ID:SIZE` as `--uidmap` and `--gidmap` take it. Throws InvalidArgument. */
export function parseIdMapping(text: string): IdMapping {
  const parts = text.split(":");
  if (parts.length !== 3) {
    throw new CtrError(
      "InvalidArgument",
      "user namespace mappings require the format `container-id:host-id:size`",
    );
  }
  const [containerID = "", hostID = "", size = ""] = parts;
  return {
    containerID: parseId(containerID, "container id"),
    hostID: parseId(hostID, "host id"),
    size: parseId(size, "size"),
  };
}

/** Decimal, or with Go's prefixes 0x, 0o and 0b, as the real one reads it. */
function parseId(text: string, what: string): number {
  const isNumber = /^(\d+|0x[\da-f]+|0o?[0-7]+|0b[01]+)$/i.test(text);
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  if (isNumber && value <= MAX_ID) return value;
  throw new CtrError(
    "InvalidArgument",
    `invalid ${what} for user namespace remapping: ${JSON.stringify(text)} is no number from 0 to ${MAX_ID}`,
  );
}
