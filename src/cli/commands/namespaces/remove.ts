import { hasCode, withSubject } from "../../../core/errors.ts";
import type { NamespaceStore } from "../../../core/records.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "remove one or more namespaces",
  description: "A namespace must be empty. One that does not exist counts as removed.",
  flags: { cgroup: booleanFlag("also remove the namespace's cgroup", { alias: "c" }) },
  args: { names: variadic({ completion: "namespaces" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const namespaces = await client.namespaces();
    await forEachName(args.names, async (name) => {
      removeNamespace(namespaces, name);
      if (flags.cgroup) {
        const { removeNamespaceCgroup } = await import("../../../client/namespaces/namespace-cgroup.ts");
        removeNamespaceCgroup(name);
      }
      writeOut(`${name}\n`);
    });
  },
});

function removeNamespace(namespaces: NamespaceStore, name: string): void {
  try {
    namespaces.delete(name);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw withSubject(`unable to delete ${name}`, error);
  }
}
