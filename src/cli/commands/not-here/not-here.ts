import { CtrError } from "../../../core/errors.ts";
import { type CommandDefinition, defineCommand, variadic } from "../../command.ts";

/** A command of ctr's that is about the daemon or its shims: any words after it get the one answer. */
export function notHere(name: string, why: string, instead: string): CommandDefinition {
  const definition = defineCommand({
    summary: `not here: ${why}`,
    flags: {},
    args: { words: variadic() },
    commandAfter: 0,
    async run() {
      throw new CtrError("NotImplemented", `${name}: ${why}`, { hint: instead });
    },
  });
  return definition as unknown as CommandDefinition;
}
