import { CtrError } from "../core/errors.ts";
import type { SpecUser } from "../core/runtime-spec.ts";
import type { SpecOption } from "./spec-input.ts";
import { processOf } from "./spec-parts.ts";
import { readGroups, readPasswd } from "./user-database.ts";

/** The largest that runc takes, although the kernel knows twice as many. */
const MAX_ID = 2 ** 31 - 1;

/** The image's user, root where it names none, with the groups it is a member of; nothing for a bare directory. */
export const withImageUser: SpecOption = async (spec, { input, rootfs }) => {
  if (input.source.kind !== "image" || input.user) return;
  const { User = "" } = input.source.config;
  const root = await rootfs();
  const user = resolveUser(root, User || "0:0");
  const groups = supplementaryGroups(root, User ? String(user.uid) : "root");
  processOf(spec).user = withGroups(user, groups);
};

/** `--user`: names are looked up in the container's files. With a group given, that group alone counts. */
export const withUser: SpecOption = async (spec, { input, rootfs }) => {
  if (!input.user) return;
  const root = await rootfs();
  const user = resolveUser(root, input.user);
  processOf(spec).user = withGroups(user, supplementaryGroups(root, input.user));
};

/**
 * `user[:group]`, names or numbers, by the files of a root filesystem: as `tasks exec --user` takes it too.
 * A number unknown there has group 0. Throws InvalidArgument for an unknown name and for numbers beyond 2^31 - 1,
 * wherever they stand: they would wrap to another user, root among them (CVE-2024-40635, CVE-2026-46680).
 */
export function resolveUser(rootfs: string, text: string): SpecUser {
  const [user = "", group, ...rest] = text.split(":");
  if (rest.length > 0) throw badUser(text, "too many colons");
  const entry = user === "" ? { uid: 0, gid: 0 } : resolveUserPart(rootfs, text, user, group !== undefined);
  const gid = group === undefined ? entry.gid : resolveGroupPart(rootfs, text, group);
  return withGroups({ uid: entry.uid, gid }, []);
}

function resolveUserPart(rootfs: string, text: string, user: string, hasGroup: boolean) {
  if (isInteger(user)) {
    const uid = checkId(user, text, "uid");
    if (hasGroup) return { uid, gid: 0 };
    const known = readPasswd(rootfs).find((entry) => entry.uid === uid);
    return { uid, gid: checkId(known?.gid ?? 0, text, "gid") };
  }
  const known = readPasswd(rootfs).find((entry) => entry.name === user);
  if (!known) throw badUser(text, "no users found");
  return { uid: checkId(known.uid, text, "uid"), gid: checkId(known.gid, text, "gid") };
}

function resolveGroupPart(rootfs: string, text: string, group: string): number {
  if (group === "") return 0;
  if (isInteger(group)) return checkId(group, text, "gid");
  const known = readGroups(rootfs).find((entry) => entry.name === group);
  if (!known) throw badUser(text, "no groups found");
  return checkId(known.gid, text, "gid");
}

/** Groups that list `user` (a name, or a number known to passwd) as a member, besides the one named after it. */
function supplementaryGroups(rootfs: string, user: string): number[] {
  const name = isInteger(user) ? readPasswd(rootfs).find(({ uid }) => uid === Number(user))?.name : user;
  if (name === undefined) return [];
  return readGroups(rootfs)
    .filter((group) => group.name !== name && group.members.includes(name))
    .map(({ gid }) => checkId(gid, name, "gid"));
}

/** The primary group is one of the additional ones, and the first where they do not have it already. */
function withGroups({ uid, gid }: SpecUser, groups: number[]): SpecUser {
  return { uid, gid, additionalGids: groups.includes(gid) ? groups : [gid, ...groups] };
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}

function checkId(id: string | number, text: string, what: "uid" | "gid"): number {
  const value = Number(id);
  if (value >= 0 && value <= MAX_ID) return value;
  throw badUser(text, `${what} out of range`);
}

function badUser(text: string, why: string): CtrError {
  return new CtrError("InvalidArgument", `invalid USER value ${JSON.stringify(text)}: ${why}`);
}
