import { join } from "node:path";
import type { EventPublisher } from "../core/events.ts";
import { validateIdentifier } from "../core/identifier.ts";
import { type Bundle, bundleAt } from "./bundle.ts";
import type { LaunchContext } from "./launch.ts";

export interface TasksOptions {
  /** State directory: bundles and the runtime's state, of one boot. */
  state: string;
  /** Persistent directory, on a disk: the logs of detached tasks, too big for /run, which is memory. */
  root: string;
  namespace: string;
  /** Ends the names of containers' cgroups, which the whole machine shares: the same ids may be in use elsewhere. */
  cgroupSuffix?: string;
  events: EventPublisher;
}

/** Where the tasks of one namespace keep things. Ids are validated before they become names of files. */
export interface TaskContext {
  readonly namespace: string;
  readonly directory: string;
  bundle(id: string): Bundle;
  launch(id: string): LaunchContext;
  /** Of the container, or of one of its execs. */
  logPath(id: string, execId?: string): string;
}

export function createTaskContext(options: TasksOptions): TaskContext {
  const { state, root, namespace, cgroupSuffix = "", events } = options;
  validateIdentifier(namespace);
  const directory = join(state, "tasks", namespace);
  const logPath = (id: string, execId?: string) => {
    // No identifier holds an @.
    const name = execId === undefined ? `${id}.log` : `${id}@${execId}.log`;
    return join(root, "logs", namespace, name);
  };
  return {
    namespace,
    directory,
    bundle(id) {
      validateIdentifier(id);
      return bundleAt(join(directory, id), events);
    },
    launch: (id) => ({
      namespace,
      cgroupSuffix,
      runcRoot: join(state, "runc"),
      logPath: logPath(id),
      // No log's name ends so.
      timesPath: `${logPath(id)}.times`,
    }),
    logPath,
  };
}
