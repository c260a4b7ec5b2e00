import { posix } from "node:path";
import { CtrError } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import type { Spec, SpecRlimit } from "../core/runtime-spec.ts";
import { containerEnv, nameOf } from "./env.ts";
import type { SpecContext, SpecOption } from "./spec-input.ts";
import { processOf } from "./spec-parts.ts";

export const withEnv: SpecOption = async (spec, { input }) => {
  const { source } = input;
  const env = await containerEnv(source.kind === "image" ? source.config : undefined, input);
  if (env.length > 0) processOf(spec).env = env;
};

/** A given command replaces Entrypoint and Cmd both. With none at all there are no args, and the start will fail. */
export const withArgs: SpecOption = (spec, { input }) => {
  const { source } = input;
  const { Entrypoint, Cmd } = source.kind === "image" ? source.config : {};
  const args = input.args?.length ? input.args : [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (args.length > 0) processOf(spec).args = [...args];
};

export const withCwd: SpecOption = (spec, { input }) => {
  const { source } = input;
  const imageCwd = source.kind === "image" ? source.config.WorkingDir : undefined;
  processOf(spec).cwd = input.cwd || imageCwd || "/";
};

const DESCRIPTORS = /^\/proc\/(self|thread-self|\d+)(\/task\/\d+)?\/fd$/;

/**
 * Refuses a working directory that is, or goes through, somebody's open file: runc's own descriptors still stand
 * there when it changes into it, and one of them may be a directory of the host (CVE-2024-21626). Throws
 * InvalidArgument.
 */
export function checkCwd(cwd: string): void {
  let path = "/";
  for (const component of cwd.split("/")) {
    path = posix.join(path, component);
    // Each step counts: a `..` after a descriptor leads up from where it points to, not back to /proc.
    if (!DESCRIPTORS.test(path)) continue;
    throw new CtrError(
      "InvalidArgument",
      `working directory ${JSON.stringify(cwd)} is an open file of a process`,
    );
  }
}

export const withTty: SpecOption = (spec, { input }) => {
  if (!input.tty) return;
  const process = processOf(spec);
  process.terminal = true;
  process.env ??= [];
  if (!process.env.some((entry) => nameOf(entry) === "TERM")) process.env.push("TERM=xterm");
};

export const withHostname: SpecOption = (spec, { input }) => {
  if (input.hostname) spec.hostname = input.hostname;
};

export const withNewPrivileges: SpecOption = (spec, { input }) => {
  if (input.allowNewPrivileges) delete processOf(spec).noNewPrivileges;
};

export const withRlimit: SpecOption = (spec, { input }) => {
  if (!input.rlimitNofile) return;
  const process = processOf(spec);
  const others = (process.rlimits ?? []).filter(({ type }) => type !== "RLIMIT_NOFILE");
  const { hard, soft } = input.rlimitNofile;
  process.rlimits = [...others, { type: "RLIMIT_NOFILE", hard, soft }];
};

/** `soft[:hard]`, up to 64 bits each (exact-json.ts). Throws InvalidArgument. */
export function parseRlimit(text: string): Pick<SpecRlimit, "soft" | "hard"> {
  const [soft = "", hard = soft, ...rest] = text.split(":");
  if (rest.length > 0 || !isUint64(soft) || !isUint64(hard)) {
    throw new CtrError("InvalidArgument", `failed to parse rlimit-nofile ${JSON.stringify(text)}`, {
      hint: "write SOFT or SOFT:HARD, for example 1024:4096",
    });
  }
  return { soft: parseUint64(soft), hard: parseUint64(hard) };
}

function isUint64(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) < 1n << 64n;
}

function parseUint64(text: string): number {
  return parseExactJson(BigInt(text).toString()) as number;
}

export const withAnnotations: SpecOption = (spec, { input }) => addAnnotations(spec, input.annotations);

/** The container's labels are annotations too, whatever the spec came from: tools beneath see no labels. */
export const withLabelAnnotations: SpecOption = (spec, { input }) => addAnnotations(spec, input.labels);

function addAnnotations(spec: Spec, annotations: SpecContext["input"]["annotations"]): void {
  if (!annotations || Object.keys(annotations).length === 0) return;
  spec.annotations = { ...spec.annotations, ...annotations };
}

/** `K=V` words. Throws InvalidArgument. */
export function parseAnnotations(words: readonly string[]): Record<string, string> {
  const annotations: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals < 0) throw new CtrError("InvalidArgument", `invalid key=value format annotation: ${word}`);
    annotations[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return annotations;
}
