import type { Client } from "../../../client/open.ts";
import { type FoundObject, findReferences } from "../../../client/system/find-references.ts";
import type { ReferenceStep } from "../../../core/collector.ts";
import { CtrError } from "../../../core/errors.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { outputFlag } from "../../flags/output.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { MissingArgument } from "../../usage-error.ts";

export default defineCommand({
  summary: "show what keeps things from being collected",
  description:
    "A thing is a digest, a snapshot's key, an image, a container or a lease of this namespace. Each is shown with the references that hold it, from the image, container, lease or label down to it. One that nothing holds goes with the next collection.",
  examples: ["system why sha256:…", "system why -o json my-container"],
  flags: { output: outputFlag },
  args: { objects: variadic({ completion: "digests" }) },
  async run({ flags, args }, context) {
    if (args.objects.length === 0) throw new MissingArgument("please specify a digest, a key or a name");
    const client = await context.openClient();
    const found: FoundObject[] = [];
    await forEachName(args.objects, async (name) => {
      const objects = await findNamed(client, name);
      found.push(...objects);
      if (flags.output === "table") writeOut(objects.map(formatObject).join(""));
    });
    if (flags.output === "json") writeOut(formatJson(found));
  },
});

async function findNamed(client: Client, name: string): Promise<FoundObject[]> {
  const found = await findReferences(client, name);
  if (found.length === 0) throw new CtrError("NotFound", JSON.stringify(name));
  return found;
}

function formatObject({ chain, ...object }: FoundObject): string {
  const title = nameOf(object);
  if (!chain) return `${title}: nothing refers to it\n`;
  const lines = chain.map((step, depth) => `${"  ".repeat(depth + 1)}${nameOf(step)} (${step.by})`);
  return `${title}: kept\n${lines.join("\n")}\n`;
}

function nameOf({ kind, name, snapshotter }: Omit<ReferenceStep, "by">): string {
  return snapshotter ? `${kind} ${name} of ${snapshotter}` : `${kind} ${name}`;
}
