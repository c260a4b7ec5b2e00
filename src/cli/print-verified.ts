import type { Descriptor } from "../core/descriptor.ts";
import { Digester } from "../core/digester.ts";
import { CtrError } from "../core/errors.ts";
import { writeOut } from "./output.ts";

/** Prints bytes as they come. Throws DataLoss after the last when they were not those of the digest. */
export async function printVerified({ digest }: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const digester = new Digester(digest);
  for await (const chunk of bytes) {
    digester.update(chunk);
    writeOut(chunk);
  }
  const actual = digester.digest();
  if (actual === digest) return;
  throw new CtrError("DataLoss", `what was printed has digest ${actual}, expected ${digest}`, {
    hint: "the registry or something on the way to it alters content",
  });
}
