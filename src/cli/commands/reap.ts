import { removeAbandoned } from "../../client/ephemeral.ts";
import { hasCode } from "../../core/errors.ts";
import { defineCommand, required } from "../command.ts";

export default defineCommand({
  summary: "remove the container of a `run --rm` whose client was killed",
  flags: {},
  args: { container: required("container id must be provided") },
  async run({ args }, context) {
    try {
      await removeAbandoned(await context.openClient(), args.container);
    } catch (error) {
      if (!hasCode(error, "NotFound")) throw error;
    }
  },
});
