import type { Descriptor } from "../core/descriptor.ts";
import { hasCode } from "../core/errors.ts";
import type { Labels } from "../core/labels.ts";
import type { Image } from "../core/records.ts";
import { readDocument } from "../images/fetch-document.ts";
import { childrenOf } from "../images/read-image.ts";
import { findImage } from "./images.ts";
import type { Client } from "./open.ts";

/** A blob of an image with what hangs below it. */
export interface ImageNode {
  descriptor: Descriptor;
  /** Undefined when the blob is not here. */
  labels: Labels | undefined;
  /** Its text, of JSON documents that are here and only when asked for. */
  text: string | undefined;
  children: ImageNode[];
}

/** Everything an image consists of, whatever of it is here. Throws NotFound for the image. */
export async function inspectImage(
  client: Client,
  name: string,
  { withText = false } = {},
): Promise<{ image: Image; root: ImageNode }> {
  const image = await findImage(client, name);
  return { image, root: await inspectNode(client, image.target, withText) };
}

async function inspectNode(client: Client, descriptor: Descriptor, withText: boolean): Promise<ImageNode> {
  const content = await client.content();
  try {
    const { labels } = await content.info(descriptor.digest);
    const isText = withText && descriptor.mediaType.endsWith("json");
    const text = isText ? Buffer.from(await readDocument(content, descriptor)).toString() : undefined;
    const children: ImageNode[] = [];
    for (const child of await childrenOf(content, descriptor))
      children.push(await inspectNode(client, child, withText));
    return { descriptor, labels, text, children };
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    return { descriptor, labels: undefined, text: undefined, children: [] };
  }
}
