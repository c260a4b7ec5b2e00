import type { Bundle } from "./bundle.ts";
import { connectToSupervisor, SupervisorGone } from "./connection.ts";
import type { Answers, Request } from "./supervisor/protocol.ts";

/** One request on a connection of its own. Throws what the supervisor throws; SupervisorGone when there is none. */
export async function askSupervisor<R extends Request>(
  bundle: Pick<Bundle, "path">,
  request: R,
): Promise<Answers[R["op"]]> {
  using connection = await connectToSupervisor(bundle);
  if (connection === undefined) throw new SupervisorGone();
  return await connection.ask(request);
}
