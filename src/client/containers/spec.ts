/** The parts of a runtime spec as people write them, and as a container's record keeps them. */
export { defaultSpec } from "../../oci/default-spec.ts";
export { parseMount } from "../../oci/mounts.ts";
export { parseIdMapping, parseNamespaceJoin } from "../../oci/namespaces.ts";
export { parseAnnotations, parseRlimit } from "../../oci/process.ts";
export { encodeRuncOptions, encodeRuntimeConfig, type RuncOptions } from "../../oci/runtime-options.ts";
export { selinuxLabels } from "../../oci/selinux.ts";
export type { SpecInput } from "../../oci/spec-input.ts";
