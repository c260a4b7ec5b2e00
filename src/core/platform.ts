import { CtrError } from "./errors.ts";

/** OCI image spec, image-index.md, "platform". Always normalized here: `amd64` not `x86_64`, `arm` with its variant. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  "os.version"?: string;
  "os.features"?: string[];
}

const OS_ALIASES: Readonly<Record<string, string>> = { macos: "darwin" };
const ARCHITECTURE_ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  i386: ["386"],
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};
const KNOWN_OS = new Set(
  "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows".split(
    " ",
  ),
);
const KNOWN_ARCHITECTURES = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split(" "),
);
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm: "arm" };

/** Aliases become the names that images use (`x86_64` is amd64), in lower case; what is unknown stays. */
export function normalizePlatform(platform: Platform): Platform {
  const os = OS_ALIASES[platform.os.toLowerCase()] ?? platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const [architecture, aliasVariant] = ARCHITECTURE_ALIASES[given] ?? [given];
  const variant = normalizeVariant(architecture, platform.variant?.toLowerCase() || aliasVariant);
  const { variant: _, ...rest } = platform;
  return { ...rest, os, architecture, ...(variant ? { variant } : {}) };
}

/** arm64 is v8 and amd64 is v1 unless said otherwise, so those variants are left out; arm without one is v7. */
function normalizeVariant(architecture: string, variant: string | undefined): string | undefined {
  const withV = variant && /^\d+$/.test(variant) ? `v${variant}` : variant;
  if (architecture === "arm64" && withV === "v8") return undefined;
  if (architecture === "amd64" && withV === "v1") return undefined;
  if (architecture === "arm" && !withV) return "v7";
  return withV;
}

export function hostPlatform(): Platform {
  return normalizePlatform({ os: "linux", architecture: NODE_ARCHITECTURES[process.arch] ?? process.arch });
}

/** `os/arch/variant`, or an `os` or `arch` alone completed from the host, as `--platform` takes it. Throws InvalidArgument. */
export function parsePlatform(specifier: string): Platform {
  const parts = specifier.split("/");
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) throw badPlatform(specifier);
  const [first = "", architecture, variant] = parts;
  if (architecture) return normalizePlatform({ os: first, architecture, variant });
  const host = hostPlatform();
  const os = OS_ALIASES[first.toLowerCase()] ?? first.toLowerCase();
  if (KNOWN_OS.has(os)) return { ...host, os };
  const bare = normalizePlatform({ os: host.os, architecture: first });
  if (KNOWN_ARCHITECTURES.has(bare.architecture)) return bare;
  throw badPlatform(specifier);
}

function badPlatform(specifier: string): CtrError {
  return new CtrError("InvalidArgument", `${JSON.stringify(specifier)}: cannot parse platform specifier`, {
    hint: "write OS/ARCHITECTURE[/VARIANT], for example linux/arm64",
  });
}

/** `os/arch/variant`, normalized, without what is not said. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os || "unknown", architecture, variant].filter(Boolean).join("/");
}

const MOST_LISTED = 20;

/** For messages: each once, and no more than a person reads. */
export function listPlatforms(platforms: readonly Platform[]): string {
  const names = [...new Set(platforms.map(formatPlatform))];
  return [...names.slice(0, MOST_LISTED), ...(names.length > MOST_LISTED ? ["…"] : [])].join(", ");
}

/**
 * How well `offered` runs where `wanted` was asked for: 0 exactly, then growing for older compatible variants
 * (arm v7 runs v6 and v5, amd64 v3 runs v2; amd64 runs no 386 unless asked), undefined when it does not run.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  const wantLevel = variantLevel(want);
  const offerLevel = variantLevel(offer);
  if (wantLevel === undefined || offerLevel === undefined)
    return want.variant === offer.variant ? 0 : undefined;
  return offerLevel <= wantLevel ? wantLevel - offerLevel : undefined;
}

function variantLevel({ architecture, variant }: Platform): number | undefined {
  const plain = architecture === "arm64" ? "v8" : "v1";
  const match = /^v(\d+)$/.exec(variant ?? plain);
  return match ? Number(match[1]) : undefined;
}
