import type { Descriptor } from "./descriptor.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { digestOf } from "./digester.ts";
import { JsonFields } from "./json-fields.ts";
import { normalizePlatform, type Platform } from "./platform.ts";

/** What an image says about itself: OCI image spec, config.md. */
export interface ImageConfig {
  /** Normalized; `os` and `architecture` are empty when the image does not say. */
  platform: Platform;
  /** RFC 3339, as the image has it. */
  created?: string;
  config: ContainerDefaults;
  /** Digests of the uncompressed layers, from the base up. */
  diffIds: Digest[];
}

/** How the image wants to be run, with the spec's own names. */
export interface ContainerDefaults {
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  User?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Volumes?: Record<string, object>;
  ExposedPorts?: Record<string, object>;
}

/** Of one image. Builders stop at 127, overlayfs at 500; each costs whoever unpacks it a snapshot. */
export const MAX_LAYERS = 1000;

/** Artifacts are pushed with configs of an image's type, too: what says nothing of a root filesystem is none's. */
export function isImageConfig(bytes: Uint8Array, { digest }: Descriptor): boolean {
  return JsonFields.parse(bytes, `config ${digest}`).object("rootfs") !== undefined;
}

/**
 * Reads an image config that `descriptor` names. Throws InvalidArgument when it is malformed, no image's, or longer than
 * `MAX_DOCUMENT_BYTES`.
 */
export function parseImageConfig(bytes: Uint8Array, descriptor: Descriptor): ImageConfig {
  const fields = JsonFields.parse(bytes, `config ${descriptor.digest}`);
  const rootfs = fields.object("rootfs");
  if (!rootfs) throw fields.wrong("rootfs", "present");
  const type = rootfs.string("type");
  if (type && type !== "layers") throw rootfs.wrong("type", '"layers"');
  return {
    platform: normalizePlatform({
      os: fields.string("os") ?? "",
      architecture: fields.string("architecture") ?? "",
      variant: fields.string("variant"),
    }),
    created: fields.string("created"),
    config: readDefaults(fields.object("config")),
    diffIds: (rootfs.strings("diff_ids", MAX_LAYERS) ?? []).map(parseDigest),
  };
}

function readDefaults(fields: JsonFields | undefined): ContainerDefaults {
  if (!fields) return {};
  return {
    Env: fields.strings("Env"),
    Entrypoint: fields.strings("Entrypoint"),
    Cmd: fields.strings("Cmd"),
    WorkingDir: fields.string("WorkingDir"),
    User: fields.string("User"),
    Labels: fields.stringMap("Labels"),
    StopSignal: fields.string("StopSignal"),
    Volumes: fields.set("Volumes"),
    ExposedPorts: fields.set("ExposedPorts"),
  };
}

/** What names each layer together with all below it (OCI image spec, config.md, "Layer ChainID"), in layer order. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below ? digestOf(`${below} ${diffId}`) : diffId);
  }
  return chain;
}
