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

/** Whether it is a `CtrError` of one of the classes; failed system calls are, too. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is CtrError {
  return error instanceof CtrError && codes.includes(error.code);
}

/**
 * What `work` gives or promises; undefined when it throws NotFound. So looking answers that there is nothing, and
 * removing takes for removed what is gone already.
 */
export function ifPresent<T>(work: () => Promise<T>): Promise<T | undefined>;
export function ifPresent<T>(work: () => T): T | undefined;
export function ifPresent<T>(work: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
  try {
    const result = work();
    return result instanceof Promise ? result.catch(undefinedIfAbsent) : result;
  } catch (error) {
    return undefinedIfAbsent(error);
  }
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!hasCode(error, "NotFound")) throw error;
}

/** Puts `subject: ` before a failure, keeping its class; what is no `CtrError` becomes Unknown with its own words. */
export function withSubject(subject: string, error: unknown): CtrError {
  if (error instanceof CtrError) return new CtrError(error.code, subject, { cause: error });
  const words = error instanceof Error ? error.message : String(error);
  return new CtrError("Unknown", `${subject}: ${words}`, { cause: error });
}

/** The same failure with what to do about it, unless it says so itself. */
export function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof CtrError) || error.hint) return error;
  return Object.assign(new CtrError(error.code, "", { cause: error, hint }), { message: error.message });
}
