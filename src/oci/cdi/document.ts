import { CtrError } from "../../core/errors.ts";
import type { SpecHook } from "../../core/runtime-spec.ts";

/** A CDI file: which devices a vendor offers, and what each means for a container (CDI specification 1.1). */
export interface CdiDocument {
  cdiVersion: string;
  /** `vendor/class`. */
  kind: string;
  devices: CdiDevice[];
  /** For every container with at least one of the devices. */
  containerEdits?: CdiEdits;
}

export interface CdiDevice {
  name: string;
  containerEdits: CdiEdits;
}

export interface CdiEdits {
  env?: string[];
  deviceNodes?: CdiDeviceNode[];
  netDevices?: { hostInterfaceName: string; name: string }[];
  hooks?: (SpecHook & { hookName: string })[];
  mounts?: { hostPath: string; containerPath: string; options?: string[]; type?: string }[];
  intelRdt?: Record<string, unknown>;
  additionalGids?: number[];
}

export interface CdiDeviceNode {
  path: string;
  hostPath?: string;
  type?: "b" | "c" | "u" | "p";
  major?: number;
  minor?: number;
  fileMode?: number;
  permissions?: string;
  uid?: number;
  gid?: number;
}

const HOOK_NAMES = [
  "prestart",
  "poststart",
  "poststop",
  "createRuntime",
  "createContainer",
  "startContainer",
] as const;

type Shape = string | { list: Shape } | { map: true } | { fields: Readonly<Record<string, Shape>> };

/** A field's type: `!` for one that must be there. */
const list = (item: Shape): Shape => ({ list: item });
const fields = (shapes: Readonly<Record<string, Shape>>): Shape => ({ fields: shapes });
const MAP: Shape = { map: true };
const TEXTS = list("string");

const EDITS = fields({
  env: TEXTS,
  deviceNodes: list(
    fields({
      "path!": "string",
      hostPath: "string",
      type: "string",
      major: "number",
      minor: "number",
      fileMode: "number",
      permissions: "string",
      uid: "number",
      gid: "number",
    }),
  ),
  netDevices: list(fields({ "hostInterfaceName!": "string", "name!": "string" })),
  hooks: list(
    fields({ "hookName!": "string", "path!": "string", args: TEXTS, env: TEXTS, timeout: "number" }),
  ),
  mounts: list(fields({ "hostPath!": "string", "containerPath!": "string", options: TEXTS, type: "string" })),
  intelRdt: fields({
    closID: "string",
    l3CacheSchema: "string",
    memBwSchema: "string",
    schemata: TEXTS,
    enableMonitoring: "boolean",
  }),
  additionalGids: list("number"),
});

const DOCUMENT = fields({
  "cdiVersion!": "string",
  "kind!": "string",
  annotations: MAP,
  "devices!": list(fields({ "name!": "string", annotations: MAP, "containerEdits!": EDITS })),
  containerEdits: EDITS,
});

/** Unknown fields are refused, as the specification asks: a newer one may matter. Throws InvalidArgument. */
export function checkCdiDocument(value: unknown): CdiDocument {
  checkShape(value, DOCUMENT, "CDI specification");
  const document = value as CdiDocument;
  for (const edits of [document.containerEdits, ...document.devices.map((device) => device.containerEdits)]) {
    if (edits) checkEdits(edits);
  }
  return document;
}

function checkShape(value: unknown, shape: Shape, where: string): void {
  if (typeof shape === "string") {
    if (typeof value !== shape || value === "") throw bad(`${where} is no ${shape}`);
  } else if ("list" in shape) {
    if (!Array.isArray(value)) throw bad(`${where} is no list`);
    for (const [index, item] of value.entries()) checkShape(item, shape.list, `${where}[${index}]`);
  } else {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(`${where} is no map`);
    if ("fields" in shape) checkFields(value, shape.fields, where);
  }
}

function checkFields(value: object, shapes: Readonly<Record<string, Shape>>, where: string): void {
  for (const [key, item] of Object.entries(value)) {
    const shape = shapes[key] ?? shapes[`${key}!`];
    if (shape === undefined) throw bad(`${where} has an unknown field ${JSON.stringify(key)}`);
    checkShape(item, shape, `${where}.${key}`);
  }
  const absent = Object.keys(shapes).find((key) => key.endsWith("!") && !(key.slice(0, -1) in value));
  if (absent) throw bad(`${where} lacks ${absent.slice(0, -1)}`);
}

function checkEdits({ env = [], deviceNodes = [], hooks = [] }: CdiEdits): void {
  const badEnv = [...env, ...hooks.flatMap((hook) => hook.env ?? [])].find(
    (entry) => entry.indexOf("=") <= 0,
  );
  if (badEnv !== undefined) throw bad(`invalid environment variable ${JSON.stringify(badEnv)}`);
  const badHook = hooks.find(({ hookName }) => !(HOOK_NAMES as readonly string[]).includes(hookName));
  if (badHook) throw bad(`invalid hook name ${JSON.stringify(badHook.hookName)}`);
  for (const { path, type = "c", permissions = "none" } of deviceNodes) {
    if (!["b", "c", "u", "p"].includes(type))
      throw bad(`device ${JSON.stringify(path)}: invalid type ${type}`);
    if (!/^([rwm]+|none)$/.test(permissions))
      throw bad(`device ${JSON.stringify(path)}: invalid permissions`);
  }
}

function bad(why: string): CtrError {
  return new CtrError("InvalidArgument", why);
}
