import { endProcesses } from "../sys/end-processes.ts";

/**
 * Ends every plugin at work on a container, or those alone that add it, and the plugins those have called: none may add
 * anything after we have begun to remove. They are known by their environment, which they all inherit.
 */
export const endPlugins = (containerId: string, command?: "ADD"): Promise<void> =>
  endProcesses(
    "environ",
    (variables) =>
      variables.includes(`CNI_CONTAINERID=${containerId}`) &&
      variables.some((variable) => variable.startsWith(`CNI_COMMAND=${command ?? ""}`)),
  );
