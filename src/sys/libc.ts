/**
 * The door to libc. Dangerous here: a wrong signature corrupts memory without a word, and errno is only true
 * until the next call, so it is read right after a failure and before anything else.
 *
 * The first link costs 0.3 ms, each function 4 µs: so each module links its own few at their first use, never at
 * import, and what needs no system call pays nothing.
 * A path crosses as a JS string that Bun turns into UTF-8 for the duration of the call; Linux names are bytes,
 * so what is not UTF-8 travels as `Uint8Array`.
 */
import { dlopen, type FFIFunction, FFIType, type Library, type Pointer, read } from "bun:ffi";
import { CtrError } from "../core/errors.ts";

/** A file name or path as the kernel sees it: bytes, or a string that stands for its UTF-8 bytes. */
export type Name = string | Uint8Array;

/** long, ssize_t, off_t: a JS number while it fits one. */
export const LONG = FFIType.i64_fast;
/** size_t, unsigned long. */
export const SIZE = FFIType.u64_fast;

let errnoLocation: Pointer | undefined;

/**
 * Links `functions` when the returned function is first called. errno's location (fixed for this thread) is
 * fetched before any of them can fail: fetching it afterwards would overwrite it.
 */
export function linkOnFirstUse<Fns extends Record<string, FFIFunction>>(
  functions: Fns,
): () => Library<Fns>["symbols"] {
  let symbols: Library<Fns>["symbols"] | undefined;
  return () => {
    if (symbols === undefined) {
      errnoLocation ??= link({
        __errno_location: { args: [], returns: "ptr" },
      }).__errno_location() as Pointer;
      symbols = link(functions);
    }
    return symbols;
  };
}

/** Throws FailedPrecondition where calls cannot be made: for each, code is written into memory and run there. */
function link<Fns extends Record<string, FFIFunction>>(functions: Fns): Library<Fns>["symbols"] {
  try {
    return dlopen("libc.so.6", functions).symbols;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new CtrError("FailedPrecondition", `call the C library (${words})`, {
      hint: "where SELinux denies execmem, allow it: setsebool -P allow_execmem on",
    });
  }
}

/** errno of the call that has just failed on this thread; 0 before any call. */
export function lastErrno(): number {
  return errnoLocation === undefined ? 0 : read.i32(errnoLocation, 0);
}

/**
 * `name` as a call's argument. Throws InvalidArgument for a NUL, at which C would silently cut the name, and for
 * a lone surrogate, which would silently become another name.
 */
export function cString(name: Name): string | Uint8Array {
  if (typeof name === "string") {
    if (name.includes("\0") || !name.isWellFormed()) {
      throw new CtrError("InvalidArgument", `file name ${JSON.stringify(name)}`);
    }
    return name;
  }
  if (name.includes(0)) throw new CtrError("InvalidArgument", `file name ${JSON.stringify(nameText(name))}`);
  const terminated = new Uint8Array(name.length + 1);
  terminated.set(name);
  return terminated;
}

/** `name` for messages; bytes that are not UTF-8 show as U+FFFD. */
export function nameText(name: Name): string {
  return typeof name === "string" ? name : Buffer.from(name).toString();
}

/** The string for `bytes` where one stands for exactly them, else a copy of the bytes. */
export function nameFromBytes(bytes: Uint8Array): Name {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  // A Buffer's own `slice` would share its memory, which whoever reads next may write to.
  return text.includes("\uFFFD") && !Buffer.from(text).equals(bytes) ? new Uint8Array(bytes) : text;
}
