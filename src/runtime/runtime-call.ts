/** The call of the OCI runtime that makes a container, as the client asks the supervisor for it. */
import { join } from "node:path";
import { withSubject } from "../core/errors.ts";
import type { Prelaunch, ProcessIo, RuntimeOptions } from "../core/task.ts";
import { replaceSmallFile } from "../sys/small-file.ts";
import { awaitConfig, giveConfig } from "./awaited-config.ts";
import { type Bundle, configPath } from "./bundle.ts";
import type { Connection } from "./connection.ts";
import { findRunc, type Runc } from "./runc.ts";
import { type PlannedStdio, planStdio } from "./stdio/plan.ts";

export interface RuntimeCall {
  readonly runc: Runc;
  readonly stdio: PlannedStdio;
  /**
   * Creates the container of that config.json, with all else in the bundle; with `start` it is started too. What is
   * asked on the connection afterwards is answered afterwards.
   */
  create(connection: Connection, config: string, start: boolean): Promise<{ pid: number }>;
}

export interface CallContext {
  bundle: Bundle;
  namespace: string;
  /** The runtime's state root unless the options have their own. */
  runcRoot: string;
  logPath: string;
  timesPath: string;
}

interface CallPlan {
  io: ProcessIo;
  runtime?: RuntimeOptions;
  terminal: boolean;
  /** SELinux' for the streams. */
  label?: string;
}

/** Made when all is there. Throws NotFound for the runtime, InvalidArgument for streams that cannot be. */
export function planCall(context: CallContext, plan: CallPlan): RuntimeCall {
  const { runc, stdio } = partsOf(context, plan);
  return {
    runc,
    stdio,
    create(connection, config, start) {
      replaceSmallFile(configPath(context.bundle), config, 0o600);
      return connection.ask({ op: "create", start, stdio: stdio.plan });
    },
  };
}

/** Made at once, to create and start what `create` will tell of. Throws as `planCall`. */
export function callAhead(
  connection: Promise<Connection>,
  context: CallContext,
  { streams, runtime, whenAbandoned }: Prelaunch,
): RuntimeCall {
  const { bundle } = context;
  const { runc, stdio } = partsOf(context, { io: { kind: "attached", streams }, runtime, terminal: false });
  const ahead = { runc, noPivot: runtime?.noPivot ?? false, terminal: false, whenAbandoned };
  awaitConfig(bundle);
  let hasFailed = false;
  const created = connection.then((open) =>
    open.ask({ op: "create", start: true, stdio: stdio.plan, ahead }),
  );
  created.catch(() => {
    hasFailed = true;
  });
  return {
    runc,
    stdio,
    async create(_, config) {
      await giveConfig(bundle, config, () => hasFailed);
      return created;
    },
  };
}

/** Says so in the words of containerd's ctr when it fails. */
export async function asCreation<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw withSubject("failed to create shim task", error);
  }
}

function partsOf(
  { bundle, runcRoot, ...owner }: CallContext,
  { io, runtime = {}, terminal, label }: CallPlan,
): Pick<RuntimeCall, "runc" | "stdio"> {
  const { id, path: directory } = bundle;
  const runc = findRunc(runtime, join(runtime.root ?? runcRoot, owner.namespace));
  return { runc, stdio: planStdio(io, { ...owner, directory, id, containerId: id, terminal, label }) };
}
