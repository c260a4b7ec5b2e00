import { openPath } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { punchHead } from "../../sys/holes.ts";
import { closeFd, O_WRONLY } from "../../sys/open.ts";
import { statFd } from "../../sys/stat.ts";

const LOOK_MS = 2000;
/** Above the first, a log is cut to the second. */
const LOG_BYTES_MAX = 64 << 20;
const LOG_BYTES_KEPT = 32 << 20;
const BLOCK_BYTES = 4096;

/** Looks after a log until what is answered is called. */
export function keepLogBounded(path: string): () => void {
  const timer = setInterval(() => boundLog(path), LOOK_MS);
  return () => clearInterval(timer);
}

/**
 * The container appends to its log itself, no byte passes through us. So it is bounded by giving its oldest blocks
 * back to the filesystem: offsets stay what they were, and nobody has to open it again.
 */
export function boundLog(path: string, maxBytes = LOG_BYTES_MAX, keptBytes = LOG_BYTES_KEPT): void {
  let fd: number;
  try {
    fd = openPath(path, O_WRONLY);
  } catch (error) {
    // Whoever removed it does not want it.
    if (hasErrno(error, "ENOENT")) return;
    throw error;
  }
  try {
    const { sizeBytes, allocatedBytes } = statFd(fd);
    if (allocatedBytes <= maxBytes) return;
    punchHead(fd, Math.floor((sizeBytes - keptBytes) / BLOCK_BYTES) * BLOCK_BYTES);
  } catch (error) {
    // A filesystem without holes keeps all.
    if (!hasErrno(error, "EOPNOTSUPP")) throw error;
  } finally {
    closeFd(fd);
  }
}
