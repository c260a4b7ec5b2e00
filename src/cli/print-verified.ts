import { createHash } from "node:crypto";
import type { Descriptor } from "../core/descriptor.ts";
import { splitDigest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { writeOut } from "./output.ts";

/** Prints bytes as they come. Throws DataLoss after the last when they were not those of the digest. */
export async function printVerified({ digest }: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { algorithm, hex } = splitDigest(digest);
  const hash = createHash(algorithm);
  for await (const chunk of bytes) {
    hash.update(chunk);
    writeOut(chunk);
  }
  const actual = hash.digest("hex");
  if (actual === hex) return;
  throw new CtrError("DataLoss", `what was printed has digest ${algorithm}:${actual}, expected ${digest}`, {
    hint: "the registry or something on the way to it alters content",
  });
}
