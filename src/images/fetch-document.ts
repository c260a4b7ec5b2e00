import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import type { Labels } from "../core/labels.ts";
import { MAX_DOCUMENT_BYTES } from "../core/manifest.ts";
import { type FetchContext, fetchBlob } from "./fetch-blob.ts";

/** Reads an index, manifest or config whole. Throws NotFound, DataLoss, ResourceExhausted for one of absurd size. */
export async function readDocument(content: ContentProvider, descriptor: Descriptor): Promise<Uint8Array> {
  refuseHuge(descriptor);
  await using reader = await content.reader(descriptor.digest);
  // Awaited here: the reader is closed as soon as this function answers.
  return await reader.read(0, reader.size);
}

/**
 * Fetches an index, manifest or config and answers its bytes. `labelsOf` parses them, so that a hostile document is
 * refused as soon as it is verified; its labels are what keeps its children from the garbage collector.
 */
export async function fetchDocument(
  descriptor: Descriptor,
  labels: Labels,
  labelsOf: (bytes: Uint8Array) => Labels,
  context: FetchContext,
): Promise<Uint8Array> {
  refuseHuge(descriptor);
  await fetchBlob(descriptor, labels, context);
  const bytes = await readDocument(context.content, descriptor);
  try {
    await context.content.label(descriptor.digest, labelsOf(bytes));
  } catch (error) {
    if (hasCode(error, "InvalidArgument")) await context.content.delete(descriptor.digest);
    throw error;
  }
  return bytes;
}

/** Before a byte of it is fetched: an index can promise a manifest of any size. */
function refuseHuge({ digest, size }: Descriptor): void {
  if (size <= MAX_DOCUMENT_BYTES) return;
  throw new CtrError(
    "ResourceExhausted",
    `document ${digest} of ${size} bytes (at most ${MAX_DOCUMENT_BYTES})`,
  );
}
