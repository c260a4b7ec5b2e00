import type { Descriptor } from "../core/descriptor.ts";
import { CtrError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { pause, retryDelayMs } from "./backoff.ts";
import { isPassing, isRefused } from "./connection-errors.ts";
import type { Pace } from "./options.ts";
import { parseContentLength, parseContentRange } from "./range.ts";
import type { HttpResponse } from "./transport.ts";

/** Asks for a blob with those headers; answers 200 or 206, or 416, and throws for everything else. */
export type OpenBlob = (headers: Record<string, string>) => Promise<HttpResponse>;

export interface BlobStreamOptions {
  offset: number;
  /** Stops before this byte, and throws `RangeIgnored` where a part cannot be had; the whole rest without it. */
  end?: number;
  /** False for what has no ranges, such as manifests. */
  canRange: boolean;
  pace: Pace;
  signal?: AbortSignal;
}

/** So much more of the blob, and past failures are forgotten. */
const PROGRESS_BYTES = 1024 * 1024;

/** A range that was asked for and not given; the whole then has to do. */
export class RangeIgnored extends Error {}

/**
 * The blob's bytes from `offset` to its size, over as many connections as it takes. Throws DataLoss when the server
 * has another number of bytes than the descriptor says, else what the connection that brought no progress threw.
 */
export async function* streamBlob(
  open: OpenBlob,
  descriptor: Descriptor,
  { offset, end = descriptor.size, canRange, pace, signal }: BlobStreamOptions,
): AsyncGenerator<Uint8Array> {
  const isAlone = end === descriptor.size;
  let position = offset;
  let failures = 0;
  let failedAt = offset;
  let useRange = canRange;
  while (position < end) {
    try {
      for await (const chunk of readFrom(open, descriptor, { position, end }, useRange)) {
        position += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (error instanceof RangeIgnored) {
        if (!isAlone) throw error;
        useRange = false;
        continue;
      }
      const mayResume = isPassing(error) || (isRefused(error) && position > offset);
      if (position - failedAt >= PROGRESS_BYTES) failures = 0;
      failedAt = Math.max(failedAt, position);
      if (!mayResume || ++failures >= pace.tries) throw error;
      await pause(retryDelayMs(failures + 1, null, pace) ?? 0, signal);
    }
  }
}

/** From `position` to `end` in one connection. A clean end too early is as passing as a broken connection. */
async function* readFrom(
  open: OpenBlob,
  descriptor: Descriptor,
  { position, end }: { position: number; end: number },
  useRange: boolean,
): AsyncGenerator<Uint8Array> {
  const isCut = end < descriptor.size;
  const isPart = useRange && (position > 0 || isCut);
  const response = await open(isPart ? { range: `bytes=${position}-${isCut ? end - 1 : ""}` } : {});
  if (isCut && response.status === 200) {
    await response.discard();
    throw new RangeIgnored();
  }
  let skip = await checkStart(response, descriptor, { position, end }, isPart);
  let left = end - position;
  for await (const chunk of response.body()) {
    const fresh = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length > left) throw wrongSize(response, descriptor, "more");
    left -= fresh.length;
    if (fresh.length > 0) yield fresh;
  }
  if (left > 0) throw shortBody(response, descriptor, left);
}

/** Answers how many bytes come before `position`. */
async function checkStart(
  response: HttpResponse,
  descriptor: Descriptor,
  { position, end }: { position: number; end: number },
  isPart: boolean,
): Promise<number> {
  const { status, headers } = response;
  const range = parseContentRange(headers.get("content-range"));
  const isWhole = status === 200;
  const isWanted = status === 206 && isPart && range?.first === position;
  if (!isWhole && !isWanted) {
    await response.discard();
    if (isPart) throw new RangeIgnored();
    throw new CtrError("Unavailable", `status ${status} to a request without range`);
  }
  const start = isWhole ? 0 : position;
  const lengthBytes = parseContentLength(headers.get("content-length"));
  const total = isWhole
    ? lengthBytes
    : (range?.total ?? (lengthBytes !== undefined ? start + lengthBytes + descriptor.size - end : undefined));
  if (total !== undefined && total !== descriptor.size) {
    await response.discard();
    throw wrongSize(response, descriptor, `${total}`);
  }
  return position - start;
}

function wrongSize({ headers }: HttpResponse, { size }: Descriptor, has: string): CtrError {
  const encoding = headers.get("content-encoding");
  const encoded = encoding && encoding !== "identity" ? `, encoded as ${quote(encoding)}` : "";
  return new CtrError("DataLoss", `registry has ${has} bytes of ${size} expected${encoded}`, {
    hint: "the registry, or a proxy on the way, alters what it was given",
  });
}

/** Carries the code of a broken connection: servers that die behind a proxy look like this. */
function shortBody(response: HttpResponse, { size }: Descriptor, left: number): CtrError {
  const cause = Object.assign(new Error("body ended early"), { code: "ECONNRESET" });
  const words = `${size - left} bytes of ${size} came from ${response.url.host}`;
  return new CtrError("DataLoss", words, { cause });
}
