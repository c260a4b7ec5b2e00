import type { Descriptor } from "../core/descriptor.ts";
import { type BlobStreamOptions, type OpenBlob, RangeIgnored, streamBlob } from "./blob-stream.ts";

/** Parts of this size wait in memory until those before them have been read. */
const PART_BYTES = 4 * 1024 * 1024;
/** With less left, one connection is as good. */
const LEAST_PARTED_BYTES = 32 * 1024 * 1024;
/** Parts on their way beside each blob's first, over all blobs of a resolver. */
const MOST_PARTS_AHEAD = 5;
/** After so much, a connection has shown how fast it is. */
const TRIAL_BYTES = 8 * 1024 * 1024;
/** Where one connection brings this much, parts would only cost memory and round trips: 64 MiB/s. */
const FAST_BYTES_PER_MS = 64 * 1024;

/** How many parts all blobs of a resolver may have on their way ahead of what is read. */
export class PartBudget {
  #left = MOST_PARTS_AHEAD;

  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  give(): void {
    this.#left++;
  }
}

export interface PartsOptions extends Pick<BlobStreamOptions, "offset" | "pace" | "signal"> {
  budget: PartBudget;
}

/**
 * As `streamBlob`; what is large and comes slowly goes on over several connections side by side, since registries
 * limit each one. The bytes come in order. `openWith` binds requests to a signal of their own.
 */
export async function* streamLarge(
  openWith: (signal?: AbortSignal) => OpenBlob,
  descriptor: Descriptor,
  options: PartsOptions,
): AsyncGenerator<Uint8Array> {
  let position = options.offset;
  let waitedMs = 0;
  const whole = streamBlob(openWith(options.signal), descriptor, { ...options, canRange: true });
  try {
    while (position < descriptor.size) {
      const askedAt = performance.now();
      const { done, value } = await whole.next();
      waitedMs += performance.now() - askedAt;
      if (done) return;
      const before = position - options.offset;
      position += value.length;
      yield value;
      const isTried = before < TRIAL_BYTES && position - options.offset >= TRIAL_BYTES;
      const isSlow = isTried && position - options.offset < waitedMs * FAST_BYTES_PER_MS;
      if (isSlow && descriptor.size - position >= LEAST_PARTED_BYTES) break;
    }
  } finally {
    await whole.return(undefined);
  }
  yield* streamParts(openWith, descriptor, { ...options, offset: position });
}

async function* streamParts(
  openWith: (signal?: AbortSignal) => OpenBlob,
  descriptor: Descriptor,
  { offset, budget, ...options }: PartsOptions,
): AsyncGenerator<Uint8Array> {
  const parts: Part[] = [];
  let next = offset;
  let position = offset;
  const begin = (isAhead: boolean) => {
    const end = Math.min(next + PART_BYTES, descriptor.size);
    parts.push(new Part(openWith, descriptor, { ...options, start: next, end, isAhead }));
    next = end;
  };
  try {
    while (position < descriptor.size) {
      if (parts.length === 0) begin(false);
      const [first] = parts as [Part];
      for await (const chunk of first.read(() => parts.some((part) => part.isComplete && part !== first))) {
        position += chunk.length;
        yield chunk;
        // The first byte says that there are parts to be had.
        while (next < descriptor.size && budget.take()) begin(true);
      }
      parts.shift();
      if (first.isAhead) budget.give();
    }
  } catch (error) {
    if (!(error instanceof RangeIgnored)) throw error;
    const open = openWith(options.signal);
    yield* streamBlob(open, descriptor, { ...options, offset: position, canRange: true });
  } finally {
    for (const part of parts) {
      part.stop();
      if (part.isAhead) budget.give();
    }
  }
}

interface PartRange extends Pick<BlobStreamOptions, "pace" | "signal"> {
  start: number;
  end: number;
  isAhead: boolean;
}

/** A part on its way into memory, whether or not somebody reads it yet. */
class Part {
  readonly isAhead: boolean;
  isComplete = false;
  readonly #chunks: Uint8Array[] = [];
  readonly #openWith: (signal?: AbortSignal) => OpenBlob;
  readonly #descriptor: Descriptor;
  readonly #range: PartRange;
  #connection = new AbortController();
  #received = 0;
  #failure: unknown;
  #isStopped = false;
  #isRestarting = false;
  /** Connections that were given up in a row, and how much had come by the last of them. */
  #restarts = 0;
  #restartedAt = -1;
  #wake = Promise.withResolvers<void>();

  constructor(openWith: (signal?: AbortSignal) => OpenBlob, descriptor: Descriptor, range: PartRange) {
    this.#openWith = openWith;
    this.#descriptor = descriptor;
    this.#range = range;
    this.isAhead = range.isAhead;
    this.#receive().catch((error) => {
      this.#failure = error;
      this.#wake.resolve();
    });
  }

  /** The bytes as they come. Its connection is replaced when it brings nothing while `areOthersFaster`. */
  async *read(areOthersFaster: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.isComplete) return;
      const before = this.#received;
      const timer = setTimeout(() => {
        if (this.#received === before && areOthersFaster()) this.#restart();
      }, this.#range.pace.stragglingMs);
      await this.#wake.promise;
      clearTimeout(timer);
      this.#wake = Promise.withResolvers<void>();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#connection.abort();
  }

  /** As often as a broken connection is tried again: a server that always stalls here is left to its own patience. */
  #restart(): void {
    if (this.#received > this.#restartedAt) this.#restarts = 0;
    if (this.#restarts === this.#range.pace.tries) return;
    this.#restarts++;
    this.#restartedAt = this.#received;
    this.#isRestarting = true;
    this.#connection.abort();
  }

  async #receive(): Promise<void> {
    const { start, end, pace, signal } = this.#range;
    while (start + this.#received < end) {
      this.#connection = new AbortController();
      const own = this.#connection.signal;
      const either = signal ? AbortSignal.any([own, signal]) : own;
      const options = { offset: start + this.#received, end, canRange: true, pace, signal: either };
      try {
        for await (const chunk of streamBlob(this.#openWith(either), this.#descriptor, options)) {
          this.#received += chunk.length;
          this.#chunks.push(chunk);
          this.#wake.resolve();
        }
      } catch (error) {
        if (!this.#isRestarting || this.#isStopped) throw error;
        this.#isRestarting = false;
      }
    }
    this.isComplete = true;
    this.#wake.resolve();
  }
}
