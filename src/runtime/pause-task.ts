import { CtrError } from "../core/errors.ts";
import { type Bundle, readTaskRecord } from "./bundle.ts";
import { callRunc } from "./runc.ts";
import { requireStatus } from "./task-status.ts";

/** As `Task.pause`. */
export async function pauseTask(bundle: Bundle): Promise<void> {
  refuseUnlessPausable(bundle);
  await freeze(bundle);
}

/** As `Task.resume`. */
export async function resumeTask(bundle: Bundle): Promise<void> {
  const status = requireStatus(bundle);
  if (status === "created") throw new CtrError("Unknown", "cannot resume task in created state");
  if (status === "running") throw new CtrError("Unknown", "cannot resume a running process");
  if (status !== "paused") throw new CtrError("Unknown", `cannot resume a ${status} container`);
  await thaw(bundle);
}

export function refuseUnlessPausable(bundle: Bundle): void {
  const status = requireStatus(bundle);
  if (status === "created") throw new CtrError("Unknown", "cannot pause task in created state");
  if (status !== "running") throw new CtrError("Unknown", `cannot pause a ${status} container`);
}

export async function freeze(bundle: Bundle): Promise<void> {
  await callRunc(recordOf(bundle).runc, ["pause", bundle.id]);
  bundle.publish("/tasks/paused", { container_id: bundle.id });
}

export async function thaw(bundle: Bundle): Promise<void> {
  await callRunc(recordOf(bundle).runc, ["resume", bundle.id]);
  bundle.publish("/tasks/resumed", { container_id: bundle.id });
}

function recordOf(bundle: Bundle) {
  const record = readTaskRecord(bundle);
  if (record === undefined) throw new CtrError("NotFound", `task ${bundle.id}`);
  return record;
}
