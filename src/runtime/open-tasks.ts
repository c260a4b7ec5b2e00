import { CtrError } from "../core/errors.ts";
import type { Tasks } from "../core/task.ts";
import { listNames } from "../files/list-names.ts";
import { isBegun, isCreated } from "./bundle.ts";
import { isLocked } from "./bundle-lock.ts";
import { waitForCreation } from "./creation.ts";
import { createDiskTask } from "./disk-task.ts";
import { createTask, runTask, startTask } from "./start-task.ts";
import { createTaskContext, type TaskContext, type TasksOptions } from "./task-context.ts";

/** The tasks of one namespace of one state directory. Throws InvalidArgument for a bad namespace. */
export function openTasks(options: TasksOptions): Tasks {
  const context = createTaskContext(options);
  return {
    create: (id, request) => createTask(context, id, request),
    start: (id, request) => startTask(context, id, request),
    run: (id, request, prelaunch) => runTask(context, id, request, prelaunch),
    async get(id) {
      if (!isTask(context, id)) throw new CtrError("NotFound", `task ${id}`);
      return createDiskTask(context, context.bundle(id));
    },
    settled: (id) => waitForCreation(context.bundle(id)),
    async list() {
      const ids = listNames(context.directory).filter((id) => isTask(context, id));
      return ids.map((id) => createDiskTask(context, context.bundle(id)));
    },
  };
}

/**
 * A task has a first process. One that is being created or deleted at this moment is none yet, or none any more; what
 * a creation or deletion that was killed left behind is shown, so that it can be deleted.
 */
function isTask(context: TaskContext, id: string): boolean {
  const bundle = context.bundle(id);
  return isCreated(bundle) || (isBegun(bundle) && !isLocked(bundle.path));
}
