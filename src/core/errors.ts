/**
 * The classes of failure, with containerd's errdefs names. Callers decide by `code`; nothing ever matches
 * message text. Each class ends the sentence that a user reads: `image "x": not found`.
 */
const CLASS_WORDS = {
  NotFound: "not found",
  AlreadyExists: "already exists",
  InvalidArgument: "invalid argument",
  FailedPrecondition: "failed precondition",
  Unavailable: "unavailable",
  Unauthenticated: "unauthenticated",
  PermissionDenied: "permission denied",
  ResourceExhausted: "resource exhausted",
  DataLoss: "data loss",
  NotImplemented: "not implemented",
  Canceled: "canceled",
  DeadlineExceeded: "deadline exceeded",
  Unknown: "unknown",
} as const;

export type ErrorCode = keyof typeof CLASS_WORDS;

export interface ErrorDetails {
  /** What went wrong beneath; a `CtrError` cause ends the sentence in place of the class. */
  cause?: unknown;
  /** One imperative sentence that says what to do about it. */
  hint?: string;
}

/** Every failure a user can meet. `message` is one line: `subject: class`, or `subject: cause`. */
export class CtrError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, subject: string, { cause, hint }: ErrorDetails = {}) {
    super(`${subject}: ${cause instanceof CtrError ? cause.message : CLASS_WORDS[code]}`, { cause });
    this.name = "CtrError";
    this.code = code;
    this.hint = hint ?? (cause instanceof CtrError ? cause.hint : undefined);
  }
}

/** A failure as it goes from one thread to another. */
export interface ErrorMessage {
  code: ErrorCode;
  message: string;
  hint: string | undefined;
}

export function toErrorMessage(error: unknown): ErrorMessage {
  const { code, message, hint } = error instanceof CtrError ? error : withSubject("thread", error);
  return { code, message, hint };
}

export function fromErrorMessage({ code, message, hint }: ErrorMessage): CtrError {
  return Object.assign(new CtrError(code, "", { hint }), { message });
}

export function hasCode(error: unknown, ...codes: ErrorCode[]): error is CtrError {
  return error instanceof CtrError && codes.includes(error.code);
}

/** For removals: what is gone already is as good as removed. */
export async function ignoringAbsence(work: Promise<unknown> | undefined): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
  }
}

/** Puts `subject: ` before a failure, keeping its class; what is no `CtrError` becomes Unknown with its own words. */
export function withSubject(subject: string, error: unknown): CtrError {
  if (error instanceof CtrError) return new CtrError(error.code, subject, { cause: error });
  const words = error instanceof Error ? error.message : String(error);
  return new CtrError("Unknown", `${subject}: ${words}`, { cause: error });
}
