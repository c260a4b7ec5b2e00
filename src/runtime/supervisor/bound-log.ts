import { hasErrno } from "../../sys/errno.ts";
import { punchHead } from "../../sys/holes.ts";
import { statFd } from "../../sys/stat.ts";

/** Above the first, a log is cut to the second. */
const LOG_BYTES_MAX = 64 << 20;
const LOG_BYTES_KEPT = 32 << 20;
export const BLOCK_BYTES = 4096;

/**
 * The container appends to its log itself, no byte passes through us. So it is bounded by giving its oldest blocks
 * back to the filesystem: offsets stay what they were, and nobody has to open it again. Answers up to where it was
 * cut, if it was.
 */
export function boundLog(
  fd: number,
  maxBytes = LOG_BYTES_MAX,
  keptBytes = LOG_BYTES_KEPT,
): number | undefined {
  const { sizeBytes, allocatedBytes } = statFd(fd);
  if (allocatedBytes <= maxBytes) return undefined;
  const cutBytes = Math.floor((sizeBytes - keptBytes) / BLOCK_BYTES) * BLOCK_BYTES;
  try {
    punchHead(fd, cutBytes);
    return cutBytes;
  } catch (error) {
    // A filesystem without holes keeps all.
    if (hasErrno(error, "EOPNOTSUPP")) return undefined;
    throw error;
  }
}
