import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { digestOf } from "../core/digester.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import type { Labels } from "../core/labels.ts";
import { checkDocumentSize } from "../core/manifest.ts";
import { type FetchContext, fetchBlob } from "./fetch-blob.ts";

/**
 * Reads an index, manifest or config whole. Throws NotFound, DataLoss also when it does not match its digest any more,
 * InvalidArgument for one of absurd size.
 */
export async function readDocument(content: ContentProvider, descriptor: Descriptor): Promise<Uint8Array> {
  checkDocumentSize(descriptor);
  await using reader = await content.reader(descriptor.digest);
  const bytes = await reader.read(0, reader.size);
  if (digestOf(bytes, descriptor.digest) === descriptor.digest) return bytes;
  throw new CtrError("DataLoss", `content ${descriptor.digest} is damaged`, {
    hint: "pull the image again: what is damaged is fetched anew",
  });
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
  // Before a byte of it is fetched: an index can promise a manifest of any size.
  checkDocumentSize(descriptor);
  await fetchBlob(descriptor, labels, context);
  const bytes = await readSound(descriptor, labels, context);
  try {
    await context.content.label(descriptor.digest, labelsOf(bytes));
  } catch (error) {
    if (hasCode(error, "InvalidArgument")) await context.content.delete(descriptor.digest);
    throw error;
  }
  return bytes;
}

/** Fetches once more what the disk has altered since an earlier pull. */
async function readSound(descriptor: Descriptor, labels: Labels, context: FetchContext): Promise<Uint8Array> {
  try {
    return await readDocument(context.content, descriptor);
  } catch (error) {
    if (!hasCode(error, "DataLoss")) throw error;
    await context.content.discardBytes(descriptor.digest);
    await fetchBlob(descriptor, labels, context);
    return readDocument(context.content, descriptor);
  }
}
