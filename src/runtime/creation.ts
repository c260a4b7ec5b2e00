import { CtrError } from "../core/errors.ts";
import { type Bundle, isCreated } from "./bundle.ts";
import { isLocked } from "./bundle-lock.ts";

const TIMEOUT_MS = 30_000;
const LOOK_MS = 5;

/**
 * Waits while somebody is creating a task: it becomes one, or vanishes when its client has died. Throws Unavailable
 * when that takes too long, and the reason of `interrupted`.
 */
export async function waitForCreation(bundle: Bundle, interrupted?: AbortSignal): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!isCreated(bundle) && isLocked(bundle.path)) {
    if (performance.now() > deadline) throw new CtrError("Unavailable", `task ${bundle.id} is being created`);
    interrupted?.throwIfAborted();
    await Bun.sleep(LOOK_MS);
  }
}
