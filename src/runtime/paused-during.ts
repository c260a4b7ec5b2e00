import type { Bundle } from "./bundle.ts";
import { type Connection, connectToSupervisor, SupervisorGone } from "./connection.ts";
import { pauseTask, refuseUnlessPausable, resumeTask } from "./pause-task.ts";
import { taskStatus } from "./task-status.ts";

/**
 * As `Task.pausedDuring`. The supervisor pauses, and resumes when our connection ends, however that comes about. Where
 * there is none, or none any more, that is our own affair.
 */
export async function pausedDuring<T>(bundle: Bundle, work: () => Promise<T>): Promise<T> {
  if (taskStatus(bundle) === "paused") return work();
  refuseUnlessPausable(bundle);
  using supervisor = await connectToSupervisor(bundle);
  if (supervisor) await supervisor.ask({ op: "pause" });
  else await pauseTask(bundle);
  try {
    return await work();
  } finally {
    await resume(bundle, supervisor);
  }
}

async function resume(bundle: Bundle, supervisor: Connection | undefined): Promise<void> {
  try {
    if (supervisor) return void (await supervisor.ask({ op: "resume" }));
  } catch (error) {
    if (!(error instanceof SupervisorGone)) return;
  }
  // The work may have ended it.
  if (taskStatus(bundle) === "paused") await resumeTask(bundle);
}
