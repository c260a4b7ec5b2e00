/**
 * The second entry point: one process per task, in a session of its own. It loads next to nothing, for it stays.
 *
 *     ctr _supervise BUNDLE      descriptor 3: connection to the client, 4: the bundle's lock
 */
import { openPublisher } from "../../events/append.ts";
import { bundleAt } from "../bundle.ts";
import { listen, serveOwner } from "./server.ts";
import { createSupervisor } from "./supervisor.ts";

const CLIENT_FD = 3;

export async function supervise(bundlePath: string): Promise<void> {
  process.chdir(bundlePath);
  const bundle = bundleAt(bundlePath, openPublisher(stateOf(bundlePath)));
  const supervisor = createSupervisor(bundle, () => process.exit(0));
  process.on("SIGUSR1", () => console.error(JSON.stringify(supervisor.describe())));
  // Signals of a session that ends, or of a terminal, are not for us.
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"] as const) process.on(signal, () => {});
  listen("supervisor.sock", supervisor);
  await serveOwner(CLIENT_FD, supervisor);
}

/** `<state>/tasks/NAMESPACE/ID` */
const stateOf = (bundlePath: string): string => bundlePath.split("/").slice(0, -3).join("/");

if (import.meta.main) await supervise(process.argv.at(-1)!);
