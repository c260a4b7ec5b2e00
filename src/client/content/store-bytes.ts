import type { ContentStore } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import { hasCode } from "../../core/errors.ts";
import { randomHex } from "../../core/random.ts";

/** Stores what is in memory under its digest; `protect` is told before it exists. */
export async function storeBytes(
  content: ContentStore,
  bytes: Uint8Array,
  digest: Digest,
  protect: (digest: Digest) => void,
): Promise<void> {
  protect(digest);
  try {
    await using writer = await content.writer(`bytes-${randomHex(8)}`, {
      expected: { digest },
      isOneOff: true,
    });
    await writer.write(bytes);
    await writer.commit({ digest, size: bytes.length });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
  }
}
