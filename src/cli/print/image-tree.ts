import type { ImageNode } from "../../client/images/inspect-image.ts";
import { isManifest } from "../../core/media-type.ts";
import type { Image } from "../../core/records.ts";
import { sortLabels } from "./labels.ts";
import { formatGoTime } from "./times.ts";

const RULE = "─".repeat(23);

/** As the real ctr 2.1 draws it, and says what is not here as those after it do, of layers too. */
export function formatImageTree(image: Image, root: ImageNode, withContent: boolean): string {
  const labels = Object.entries(sortLabels(image.labels));
  const lines = [
    image.name,
    `│    Created: ${formatGoTime(image.createdAt)}`,
    `│    Updated: ${formatGoTime(image.updatedAt)}`,
    ...labels.map(([key, value]) => `│    Label ${JSON.stringify(key)}: ${JSON.stringify(value)}`),
    ...nodeLines(root, "", true, withContent),
  ];
  return `${lines.join("\n")}\n`;
}

function nodeLines(node: ImageNode, prefix: string, isLast: boolean, withContent: boolean): string[] {
  const { descriptor, labels, children } = node;
  const { mediaType, digest, size, platform } = descriptor;
  const below = `${prefix}${isLast ? "    " : "│   "}`;
  const beside = children.length > 0 ? `${below}│   ` : below;
  return [
    `${prefix}${isLast ? "└── " : "├── "}${mediaType} @${digest} (${size} bytes)`,
    ...(platform ? [`${beside} Platform: ${platform.os}/${platform.architecture}`] : []),
    ...(labels ? [] : [`${below}└──  Content does not exist locally, skipping`]),
    ...(withContent ? contentLines(node, beside) : []),
    ...children.flatMap((child, at) => {
      // Of a manifest, the config comes first; layers show nothing of what they hold.
      const isLayer = isManifest(mediaType) && at > 0;
      return nodeLines(child, below, at === children.length - 1, withContent && !isLayer);
    }),
  ];
}

function contentLines({ labels = {}, text }: ImageNode, prefix: string): string[] {
  const labelLines = Object.entries(sortLabels(labels)).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return [
    ...(labelLines.length > 0 ? box("────────Labels─────────", labelLines, prefix) : []),
    ...(text === undefined ? [] : box("────────Content────────", indented(text).split("\n"), prefix)),
  ];
}

function box(title: string, lines: readonly string[], prefix: string): string[] {
  return [`${prefix}┌${title}`, ...lines.map((line) => `${prefix}│${line}`), `${prefix}└${RULE}`];
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 3);
  } catch {
    return text;
  }
}
