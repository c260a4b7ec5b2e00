import type { Digest } from "../core/digest.ts";
import { beginLink, type ChainLink, finishLink, type LinkContext, type LinkUnderWay } from "./unpack-link.ts";

export interface ChainContext extends LinkContext {
  /** Waits until no other process unpacks that chain: what two would extract, one extracts. Answers how to let go. */
  claim: (chain: Digest, signal: AbortSignal) => Promise<() => void>;
}

/** Each has a lock, which is an open file: however many layers an image has, few of ours are. */
const LINKS_AT_ONCE = 64;

/**
 * Unpacks the links side by side, puts each above the one below, and commits them from the lowest up. Chains are
 * claimed in that order too, by every process, so that no two can wait for each other. The first failure stops all.
 */
export async function unpackChain(links: readonly ChainLink[], context: ChainContext): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(context.signal ? [context.signal] : [])]);
  const stoppable = { ...context, signal };
  const unpackings: Promise<void>[] = [];
  let below: LinkUnderWay | undefined;
  const start = async (link: ChainLink) => {
    const release = await context.claim(link.chain, signal);
    try {
      // Until a link is found missing, those above it may be had at once, from this namespace or another.
      const begun = await beginLink(link, below, stoppable);
      if (begun === "exists") return release();
      below = finishLink(link, begun, below, stoppable);
      const unpacking = below.committed.finally(release);
      unpacking.catch((error) => failure.abort(error));
      unpackings.push(unpacking);
    } catch (error) {
      release();
      throw error;
    }
  };
  try {
    for (const link of links) {
      await unpackings.at(-LINKS_AT_ONCE);
      await start(link);
    }
    await Promise.all(unpackings);
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(unpackings);
    throw error;
  }
}
