import { CtrError } from "../core/errors.ts";
import { bytesField, decodeMessage, encodeMessage, integerField } from "../core/protobuf.ts";
import type { TypedValue } from "../core/records.ts";

/** `containerd.runc.v1.Options` (containerd, api/types/runc/options/oci.proto), as far as ctr has flags for it. */
export interface RuncOptions {
  noPivotRoot?: boolean;
  /** The runtime's program, by name or path. */
  binaryName?: string;
  /** Where the runtime keeps its state. */
  root?: string;
  systemdCgroup?: boolean;
}

const TYPE_URL = "containerd.runc.v1.Options";
const FIELDS = { noPivotRoot: 1, binaryName: 6, root: 7, systemdCgroup: 9 } as const;

/** Field by field in number order, unset ones left out, so that equal options are equal bytes. */
export function encodeRuncOptions(options: RuncOptions): TypedValue {
  const value = encodeMessage([
    ...flag(FIELDS.noPivotRoot, options.noPivotRoot),
    ...text(FIELDS.binaryName, options.binaryName),
    ...text(FIELDS.root, options.root),
    ...flag(FIELDS.systemdCgroup, options.systemdCgroup),
  ]);
  if (value.length === 0) return { typeUrl: TYPE_URL };
  return { typeUrl: TYPE_URL, value: value.toString("base64") };
}

const flag = (number: number, value: boolean | undefined) => (value ? [integerField(number, 1)] : []);
const text = (number: number, value: string | undefined) => (value ? [bytesField(number, value)] : []);

/** `runtimeoptions.v1.Options` (api/runtimeoptions/v1/api.proto): where a runtime that is not runc has its configuration. */
export function encodeRuntimeConfig(configPath: string): TypedValue {
  return {
    typeUrl: "runtimeoptions.v1.Options",
    value: encodeMessage(text(2, configPath)).toString("base64"),
  };
}

/** Fields it does not know are skipped. Throws InvalidArgument for another type and for bytes that are no message. */
export function decodeRuncOptions({ typeUrl, value = "" }: TypedValue): RuncOptions {
  if (typeUrl !== TYPE_URL) {
    throw new CtrError(
      "InvalidArgument",
      `runtime options of type ${JSON.stringify(typeUrl)}, not ${TYPE_URL}`,
    );
  }
  const options: RuncOptions = {};
  for (const { number, value: content } of decodeMessage(
    Buffer.from(value, "base64"),
    `${TYPE_URL}: value`,
  )) {
    if (number === FIELDS.noPivotRoot) options.noPivotRoot = content !== 0n;
    if (number === FIELDS.binaryName) options.binaryName = String(content);
    if (number === FIELDS.root) options.root = String(content);
    if (number === FIELDS.systemdCgroup) options.systemdCgroup = content !== 0n;
  }
  return options;
}
