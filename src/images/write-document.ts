import type { ContentStore } from "../core/content.ts";
import type { Digest } from "../core/digest.ts";
import { digestOf } from "../core/digester.ts";
import { hasCode } from "../core/errors.ts";
import type { Labels } from "../core/labels.ts";
import { randomHex } from "../core/random.ts";

export type JsonObject = Record<string, unknown>;

export interface WriteContext {
  content: ContentStore;
  protect: (digest: Digest) => void;
}

/** As Go orders what it knows; the rest follows as it was. */
const FIELD_ORDER: readonly string[] = [
  ...["schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject"],
  ...["digest", "size", "urls", "annotations", "platform"],
  ...["architecture", "os", "os.version", "os.features", "variant"],
];

/**
 * Stores an index or a manifest, byte for byte as Go would write it: so that what we convert has the digest that the
 * real ctr gives it. `protect` is told the digest before the blob exists.
 */
export async function writeDocument(
  document: JsonObject,
  labels: Labels,
  context: WriteContext,
): Promise<{ digest: Digest; size: number }> {
  return storeDocument(formatLikeGo(document), labels, context);
}

/** The same for a document's text. */
export async function storeDocument(
  text: string,
  labels: Labels,
  { content, protect }: WriteContext,
): Promise<{ digest: Digest; size: number }> {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes);
  protect(digest);
  try {
    const ref = `document-${digest}-${randomHex(6)}`;
    await using writer = await content.writer(ref, { expected: { digest }, isOneOff: true });
    await writer.write(bytes);
    await writer.commit({ digest, size: bytes.length, labels });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    await content.label(digest, labels);
  }
  return { digest, size: bytes.length };
}

/** As Go's encoder has it, with the fields in its structs' order. */
export function formatLikeGo(document: object): string {
  return formatJsonLikeGo(ordered(document));
}

/** The same with the fields as they come. */
export function formatJsonLikeGo(value: unknown): string {
  const text = JSON.stringify(value);
  return text.replaceAll(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function ordered(value: unknown, parent = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered(item));
  if (typeof value !== "object" || value === null) return value;
  const names = Object.keys(value);
  if (parent === "annotations") names.sort();
  else names.sort((a, b) => rank(a) - rank(b));
  return Object.fromEntries(names.map((name) => [name, ordered((value as JsonObject)[name], name)]));
}

const rank = (name: string): number => {
  const at = FIELD_ORDER.indexOf(name);
  return at < 0 ? FIELD_ORDER.length : at;
};
