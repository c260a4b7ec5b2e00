import { releaseNetwork } from "../../client/containers/container-network.ts";
import { removeAbandoned } from "../../client/containers/ephemeral.ts";
import { ifPresent } from "../../core/errors.ts";
import { defineCommand, required } from "../command.ts";

export default defineCommand({
  summary: "clean up after a task that has ended, and that nobody waited for",
  flags: {},
  args: { container: required("container id must be provided") },
  async run({ args }, context) {
    const client = await context.openClient();
    await ifPresent(() => removeAbandoned(client, args.container));
    await releaseNetwork(client, args.container);
  },
});
