import { readFile } from "node:fs/promises";
import { CtrError, withSubject } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import type { Spec } from "../core/runtime-spec.ts";
import { asSysError } from "../sys/errno.ts";
import { defaultSpec } from "./default-spec.ts";

/** A whole spec, as `--config` gives it, 64-bit numbers intact. Throws NotFound, InvalidArgument. */
export async function readSpecFile(path: string): Promise<Spec> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw withSubject("cannot load spec config file", asSysError(error, path));
  }
  try {
    const spec = parseExactJson(text);
    if (typeof spec !== "object" || spec === null || Array.isArray(spec)) throw new Error("not an object");
    return spec as Spec;
  } catch (cause) {
    const supported = defaultSpec("").ociVersion;
    const words = cause instanceof Error ? cause.message : String(cause);
    const subject = `decoding spec config file failed, current supported OCI runtime-spec : v${supported}: ${words}`;
    throw new CtrError("InvalidArgument", subject, { cause });
  }
}
