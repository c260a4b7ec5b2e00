import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import type { Labels } from "../../core/labels.ts";
import type { Image } from "../../core/records.ts";
import { readDocument } from "../../images/fetch-document.ts";
import { childrenOf } from "../../images/relations.ts";
import type { Client } from "../open.ts";
import { findImage } from "./images.ts";

/** A blob of an image with what hangs below it. */
export interface ImageNode {
  descriptor: Descriptor;
  /** Undefined when the blob is not here. */
  labels: Labels | undefined;
  /** Its text, of JSON documents that are here and only when asked for. */
  text: string | undefined;
  children: ImageNode[];
}

/** Indexes that name the same ones over and over would make a tree that nobody reads to its end. */
const MAX_NODES = 10_000;

/**
 * Everything an image consists of, whatever of it is here. Throws NotFound for the image, InvalidArgument for one of
 * absurdly many parts.
 */
export async function inspectImage(
  client: Client,
  name: string,
  { withText = false } = {},
): Promise<{ image: Image; root: ImageNode }> {
  const image = await findImage(client, name);
  return { image, root: await inspectNode(client, image.target, { withText, nodes: 0 }) };
}

async function inspectNode(
  client: Client,
  descriptor: Descriptor,
  walk: { readonly withText: boolean; nodes: number },
): Promise<ImageNode> {
  if (++walk.nodes > MAX_NODES) {
    throw new CtrError("InvalidArgument", `image of more than ${MAX_NODES} parts`);
  }
  const content = await client.content();
  try {
    const { labels } = await content.info(descriptor.digest);
    const isText = walk.withText && descriptor.mediaType.endsWith("json");
    const text = isText ? Buffer.from(await readDocument(content, descriptor)).toString() : undefined;
    const children: ImageNode[] = [];
    for (const child of await childrenOf(content, descriptor))
      children.push(await inspectNode(client, child, walk));
    return { descriptor, labels, text, children };
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    return { descriptor, labels: undefined, text: undefined, children: [] };
  }
}
