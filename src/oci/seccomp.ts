import { readFile } from "node:fs/promises";
import { CtrError, withSubject } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import type { SpecSeccomp } from "../core/runtime-spec.ts";
import { asSysError } from "../sys/errno.ts";
import type { SpecOption } from "./spec-input.ts";
import { linuxOf } from "./spec-parts.ts";

/** Comes after everything that changes capabilities, which the default profile depends on. */
export const withSeccomp: SpecOption = async (spec, { input }) => {
  const { seccomp, seccompProfile } = input;
  if (seccompProfile && !seccomp) {
    throw new CtrError("InvalidArgument", "seccomp must be set to true, if using a custom seccomp-profile");
  }
  if (!seccomp) return;
  linuxOf(spec).seccomp = seccompProfile
    ? await readProfile(seccompProfile)
    : await defaultProfile(spec.process?.capabilities?.bounding ?? []);
};

async function readProfile(path: string): Promise<SpecSeccomp> {
  const subject = `cannot load seccomp profile ${JSON.stringify(path)}`;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw withSubject(subject, asSysError(error, path));
  }
  try {
    return parseExactJson(text) as SpecSeccomp;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new CtrError(
      "InvalidArgument",
      `decoding seccomp profile failed ${JSON.stringify(path)}: ${words}`,
      {
        cause,
      },
    );
  }
}

/** The tables are large, and most containers run without them. */
async function defaultProfile(capabilities: readonly string[]): Promise<SpecSeccomp> {
  const { defaultSeccomp } = await import("./seccomp-default.ts");
  return defaultSeccomp(capabilities);
}
