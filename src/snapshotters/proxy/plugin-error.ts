import type { ServiceError } from "@grpc/grpc-js";
import { CtrError, type ErrorCode } from "../../core/errors.ts";

/** By gRPC's status numbers, which containerd's errdefs map to and fro. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  1: "Canceled",
  3: "InvalidArgument",
  4: "DeadlineExceeded",
  5: "NotFound",
  6: "AlreadyExists",
  7: "PermissionDenied",
  8: "ResourceExhausted",
  9: "FailedPrecondition",
  12: "NotImplemented",
  14: "Unavailable",
  15: "DataLoss",
  16: "Unauthenticated",
};

/** The one place where a gRPC status becomes an error code. The sentence keeps the plugin's words, where they are its own. */
export function asPluginError(name: string, address: string, error: ServiceError): CtrError {
  const code = CODES[error.code] ?? "Unknown";
  const subject = `snapshotter ${name}`;
  if (code === "Unavailable" || code === "DeadlineExceeded") {
    // Here the words are the transport's, about resolvers and channels.
    const hint = "see that the plugin runs, and that its address in the configuration is right";
    return new CtrError(code, `${subject}: no answer at ${address}`, { cause: error, hint });
  }
  return new PluginError(code, subject, error);
}

/** containerd's plugins end their sentence with the class themselves. */
class PluginError extends CtrError {
  constructor(code: ErrorCode, subject: string, cause: ServiceError) {
    super(code, subject, { cause });
    if (cause.details) this.message = `${subject}: ${cause.details}`;
    this.name = "PluginError";
  }
}
