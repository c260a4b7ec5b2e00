import { CtrError } from "../../core/errors.ts";
import { JsonFields } from "../../core/json-fields.ts";
import { quote } from "../../core/quote.ts";
import type { Credentials } from "../options.ts";
import { serverUrlOf } from "./auth-keys.ts";

/** The protocol's own words for "I have none" (docker-credential-helpers, credentials/error.go). */
const NOT_FOUND_WORDS = "credentials not found in native keychain";
/** As the user name: the secret is an identity token. */
const TOKEN_USER = "<token>";
/** Helpers may ask a service, or a person. */
const PATIENCE_MS = 120_000;
const MOST_ANSWER_BYTES = 1024 * 1024;

/**
 * Asks `docker-credential-NAME get`, the address on its standard input. Undefined when it has nothing for the host.
 * Throws NotFound when there is no such program, FailedPrecondition when it fails; what it writes is never shown.
 */
export async function askHelper(name: string, host: string): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new CtrError("InvalidArgument", `credential helper ${quote(name)} is no name of a program`);
  }
  const program = `docker-credential-${name}`;
  const { exitCode, stdout } = await runGet(program, serverUrlOf(host));
  if (exitCode === 0) return parseAnswer(stdout, program);
  if (stdout.trim() === NOT_FOUND_WORDS) return undefined;
  const why = exitCode === null ? `killed, or no answer in ${PATIENCE_MS / 1000} s` : `exit ${exitCode}`;
  throw new CtrError("FailedPrecondition", `credential helper ${program} for ${host}: ${why}`, {
    hint: `try it yourself: echo ${serverUrlOf(host)} | ${program} get`,
  });
}

/** By Bun.spawn: execa would leave our caller's standard output non-blocking, a container's perhaps. */
async function runGet(
  program: string,
  address: string,
): Promise<{ exitCode: number | null; stdout: string }> {
  const path = Bun.which(program, { PATH: process.env.PATH ?? "" });
  if (!path) {
    throw new CtrError("NotFound", `credential helper ${program}`, {
      hint: "install it, or take it out of credHelpers and credsStore",
    });
  }
  const child = Bun.spawn([path, "get"], {
    env: process.env,
    stdin: Buffer.from(address),
    stdout: "pipe",
    stderr: "inherit",
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
    maxBuffer: MOST_ANSWER_BYTES,
  });
  const [stdout] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return { exitCode: child.exitCode, stdout };
}

function parseAnswer(stdout: string, program: string): Credentials | undefined {
  const answer = JsonFields.parse(Buffer.from(stdout), `answer of ${program}`);
  const username = answer.string("Username") ?? "";
  const secret = answer.string("Secret") ?? "";
  if (!secret) return undefined;
  return { username: username === TOKEN_USER ? "" : username, secret };
}
