/** The small parts of a checkpoint: each a `google.protobuf.Any`, as containerd writes them. */
import { CtrError } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import { JsonFields } from "../core/json-fields.ts";
import { bytesField, bytesOf, decodeMessage, encodeMessage, integerField } from "../core/protobuf.ts";
import type { TypedValue } from "../core/records.ts";
import type { Spec } from "../core/runtime-spec.ts";

const ANY = { typeUrl: 1, value: 2 } as const;
const SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
const CHECKPOINT_OPTIONS_TYPE = "containerd.runc.v1.CheckpointOptions";
const FILE_LOCKS = 5;
const MAX_ENTRIES = 10_000;

export function encodeSpecPart(spec: object): Buffer {
  return encodeAny(SPEC_TYPE, Buffer.from(JSON.stringify(spec)));
}

/** Only its outline is looked at; what it asks for is another question. Throws InvalidArgument. */
export function decodeSpecPart(bytes: Uint8Array): Spec {
  const subject = "the checkpoint's configuration";
  const { typeUrl, value } = decodeAny(bytes, subject);
  if (typeUrl !== SPEC_TYPE) {
    throw new CtrError(
      "InvalidArgument",
      `${subject} is of type ${JSON.stringify(typeUrl)}, not ${SPEC_TYPE}`,
    );
  }
  const fields = JsonFields.parse(value, subject);
  if (!fields.string("ociVersion") || !fields.object("process")?.strings("args")?.length) {
    throw new CtrError("InvalidArgument", `${subject} is no runtime spec of a process`);
  }
  checkTypes(fields);
  return parseExactJson(Buffer.from(value).toString()) as Spec;
}

/** Of all that is read of it before the runtime does, which checks the rest. */
function checkTypes(fields: JsonFields): void {
  const process = fields.object("process");
  process?.boolean("terminal");
  process?.boolean("noNewPrivileges");
  const capabilities = process?.object("capabilities");
  for (const name of capabilities?.names() ?? []) capabilities?.strings(name);
  fields.object("root")?.boolean("readonly");
  const hooks = fields.object("hooks");
  for (const name of hooks?.names() ?? []) hooks?.objects(name, MAX_ENTRIES);
  for (const mount of fields.objects("mounts", MAX_ENTRIES) ?? []) {
    for (const name of ["destination", "type", "source"]) mount.string(name);
    mount.strings("options");
  }
  const linux = fields.object("linux");
  for (const name of ["maskedPaths", "readonlyPaths"]) linux?.strings(name);
  linux?.object("seccomp");
  for (const namespace of linux?.objects("namespaces", MAX_ENTRIES) ?? []) {
    for (const name of ["type", "path"]) namespace.string(name);
  }
  for (const name of ["uidMappings", "gidMappings"]) {
    for (const mapping of linux?.objects(name, MAX_ENTRIES) ?? []) {
      for (const field of ["containerID", "hostID", "size"]) mapping.count(field);
    }
  }
  linux?.object("resources")?.objects("devices", MAX_ENTRIES);
}

/** As `ctr containers checkpoint` has it. */
export function encodeCheckpointOptions(): Buffer {
  return encodeAny(CHECKPOINT_OPTIONS_TYPE, encodeMessage([integerField(FILE_LOCKS, 1)]));
}

export function encodeRuntimePart({ typeUrl, value = "" }: TypedValue): Buffer {
  return encodeAny(typeUrl, Buffer.from(value, "base64"));
}

/** Throws InvalidArgument. */
export function decodeRuntimePart(bytes: Uint8Array): TypedValue {
  const { typeUrl, value } = decodeAny(bytes, "the checkpoint's runtime options");
  return { typeUrl, ...(value.length > 0 && { value: Buffer.from(value).toString("base64") }) };
}

function encodeAny(typeUrl: string, value: Uint8Array): Buffer {
  return encodeMessage([
    bytesField(ANY.typeUrl, typeUrl),
    ...(value.length > 0 ? [bytesField(ANY.value, value)] : []),
  ]);
}

function decodeAny(bytes: Uint8Array, subject: string): { typeUrl: string; value: Uint8Array } {
  const fields = decodeMessage(bytes, subject);
  return {
    typeUrl: String(bytesOf(fields, ANY.typeUrl) ?? ""),
    value: bytesOf(fields, ANY.value) ?? new Uint8Array(0),
  };
}
