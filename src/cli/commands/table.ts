import type { Group } from "../command.ts";

/** Every command, once. A line names it (the first name is the main one) and says where its definition is. */
export const commands: Group = {
  names: ["ctr"],
  summary: "pull, store and run containers",
  members: [{ names: ["version"], load: () => import("./version.ts") }],
};
