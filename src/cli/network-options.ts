import type { NetworkOptions } from "../client/containers/container-network.ts";
import type { Context } from "./context.ts";
import { reportLine } from "./failure.ts";
import { warn, writeError } from "./output.ts";

/** What plugins say is shown with --debug; what they failed to take back is worth a warning. */
export function networkOptions({ signal, globals }: Context): NetworkOptions {
  return {
    signal,
    log: globals.debug ? (line) => writeError(`ctr: debug: ${line}\n`) : undefined,
    onNetworkKept: (reason) => warn(`the network was not left: ${reportLine(reason)}`),
  };
}
