import { posix } from "node:path";
import type { Spec, SpecDevice, SpecHook, SpecMount } from "../../core/runtime-spec.ts";
import { findDevice } from "../devices.ts";
import { mergeEnv } from "../env.ts";
import { linuxOf, processOf, resourcesOf } from "../spec-parts.ts";
import type { CdiDeviceNode, CdiEdits } from "./document.ts";

/** Makes the changes that a CDI device asks for. Throws NotFound for a device node that the host lacks. */
export function applyCdiEdits(spec: Spec, edits: CdiEdits): void {
  const process = processOf(spec);
  if (edits.env?.length) process.env = mergeEnv(process.env ?? [], edits.env);
  for (const node of edits.deviceNodes ?? []) addDeviceNode(spec, node);
  for (const { hostInterfaceName, name } of edits.netDevices ?? []) {
    const linux = linuxOf(spec);
    linux.netDevices = { ...linux.netDevices, [hostInterfaceName]: { name } };
  }
  if (edits.mounts?.length) addMounts(spec, edits.mounts);
  for (const { hookName, ...hook } of edits.hooks ?? []) addHook(spec, hookName, hook);
  if (edits.intelRdt) linuxOf(spec).intelRdt = { ...edits.intelRdt };
  const gids = process.user.additionalGids ?? [];
  const added = (edits.additionalGids ?? []).filter((gid) => gid !== 0 && !gids.includes(gid));
  if (added.length > 0) process.user.additionalGids = [...gids, ...new Set(added)];
}

function addDeviceNode(spec: Spec, node: CdiDeviceNode): void {
  const device = completeDevice(spec, node);
  const linux = linuxOf(spec);
  linux.devices = [...(linux.devices ?? []).filter(({ path }) => path !== device.path), device];
  if (device.type !== "b" && device.type !== "c") return;
  const resources = resourcesOf(spec);
  const { type, major, minor } = device;
  const access = node.permissions === "none" ? "" : (node.permissions ?? "rwm");
  resources.devices = [...(resources.devices ?? []), { allow: true, type, major, minor, access }];
}

/** What the file leaves out is the host's; a fully described node need not exist there. */
function completeDevice(spec: Spec, node: CdiDeviceNode): SpecDevice {
  const { path, hostPath = path, type, major, minor = 0, fileMode } = node;
  const user = spec.process?.user ?? { uid: 0, gid: 0 };
  const owner = { uid: node.uid ?? (user.uid || undefined), gid: node.gid ?? (user.gid || undefined) };
  const isComplete = type !== undefined && (type === "p" || Boolean(major));
  const found = findOnHost(hostPath, isComplete);
  if (isComplete || found === undefined) {
    return {
      path,
      type: type ?? "c",
      major: major ?? 0,
      minor,
      fileMode: fileMode ?? found?.fileMode,
      ...owner,
    };
  }
  return { ...found, path, fileMode: fileMode ?? found.fileMode, ...owner };
}

function findOnHost(path: string, mayBeAbsent: boolean): SpecDevice | undefined {
  try {
    return findDevice(path);
  } catch (error) {
    if (mayBeAbsent) return undefined;
    throw error;
  }
}

/** Shallow destinations first: a mount must not cover what was mounted beneath it. */
function addMounts(spec: Spec, added: NonNullable<CdiEdits["mounts"]>): void {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === "user");
  for (const { hostPath, containerPath, options, type } of added) {
    const mount: SpecMount = { destination: containerPath, type, source: hostPath, options };
    if (hasUserNamespace) mount.options = withIdMap(mount);
    spec.mounts = [...(spec.mounts ?? []).filter(({ destination }) => destination !== containerPath), mount];
  }
  spec.mounts?.sort((a, b) => depth(a) - depth(b));
}

function depth({ destination }: SpecMount): number {
  return posix.normalize(destination).split("/").length;
}

/** The files belong to the host's users, whom a user namespace would show as nobody. */
function withIdMap({ type, options = [] }: SpecMount): string[] {
  if (options.includes("idmap") || options.includes("ridmap")) return options;
  if (options.includes("rbind")) return [...options, "ridmap"];
  return options.includes("bind") || type === "bind" ? [...options, "idmap"] : options;
}

function addHook(spec: Spec, name: string, hook: SpecHook): void {
  spec.hooks = { ...spec.hooks, [name]: [...(spec.hooks?.[name] ?? []), hook] };
}
