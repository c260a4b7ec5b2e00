import { constants } from "node:os";
import { editContent } from "../../../client/content/edit-content.ts";
import { parseDigest } from "../../../core/digest.ts";
import { defineCommand, required } from "../../command.ts";
import { stringFlag } from "../../flags/flag.ts";
import { writeError, writeOut } from "../../output.ts";
import { UsageError } from "../../usage-error.ts";

const SIGNAL_BASE = 128;

export default defineCommand({
  summary: "edit a blob and store the result as another",
  description:
    "Prints the digest of the new blob, which garbage collection takes unless something comes to refer to it. When the editor fails nothing is stored, and its status is the exit code.",
  examples: ["content edit --editor vi sha256:…"],
  flags: {
    editor: stringFlag("program to edit with, as a shell would start it", {
      env: "EDITOR",
      placeholder: "COMMAND",
    }),
    validate: stringFlag("not supported, as in the real ctr", { placeholder: "CONDITION" }),
  },
  args: { digest: required("invalid checksum digest format", { completion: "digests" }) },
  async run({ flags, args }, context) {
    if (flags.validate) throw new UsageError("validating the edit result not supported");
    const digest = parseDigest(args.digest);
    if (!flags.editor) throw new UsageError("editor is required");
    const client = await context.openClient();
    let status = 0;
    const edited = await editContent(client, digest, async (path) => {
      status = await runEditor(flags.editor!, path);
      return status === 0;
    });
    if (edited) writeOut(`${edited}\n`);
    else writeError(`exit status ${status}\n`);
    return status;
  },
});

/** On the caller's own terminal. Answers its exit status. */
async function runEditor(editor: string, path: string): Promise<number> {
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const child = Bun.spawn(["sh", "-c", `${editor} ${quoted}`], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  await child.exited;
  const { exitCode, signalCode } = child;
  if (signalCode === null) return exitCode ?? 0;
  return SIGNAL_BASE + (typeof signalCode === "number" ? signalCode : constants.signals[signalCode]);
}
