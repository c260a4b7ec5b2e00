import { type Digest, isDigest, splitDigest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import type { HttpResponse } from "./transport.ts";

/** Throws DataLoss when a registry says that it stored other bytes than it was sent. */
export function checkStoredDigest({ headers }: HttpResponse, wanted: Digest): void {
  const stored = headers.get("docker-content-digest");
  if (!stored || stored === wanted) return;
  // It may name the same bytes by another algorithm.
  if (isDigest(stored) && splitDigest(stored).algorithm !== splitDigest(wanted).algorithm) return;
  throw new CtrError("DataLoss", `got digest ${quote(stored)}, expected ${wanted}`, {
    hint: "the registry, or a proxy on the way, alters what it was given",
  });
}
