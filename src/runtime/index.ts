export { openTasks } from "./open-tasks.ts";
