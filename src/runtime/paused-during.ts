import { hasCode } from "../core/errors.ts";
import type { Bundle } from "./bundle.ts";
import { connectToSupervisor, SupervisorGone } from "./connection.ts";
import { pauseTask, refuseUnlessPausable, resumeTask } from "./pause-task.ts";
import { taskStatus } from "./task-status.ts";

/**
 * As `Task.pausedDuring`. The supervisor pauses, and resumes when our connection ends, however that comes about. Where
 * there is none any more, that is our own affair.
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
    await unlessEnded(supervisor ? supervisor.ask({ op: "resume" }) : resumeTask(bundle));
  }
}

/** The work may have ended it. */
async function unlessEnded(resuming: Promise<unknown>): Promise<void> {
  try {
    await resuming;
  } catch (error) {
    if (!(error instanceof SupervisorGone) && !hasCode(error, "NotFound", "Unknown")) throw error;
  }
}
