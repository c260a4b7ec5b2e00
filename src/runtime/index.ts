export { type DeadTask, findDeadTasks, findTaskLogs, type TaskLog } from "./leftovers.ts";
export { openTasks } from "./open-tasks.ts";
