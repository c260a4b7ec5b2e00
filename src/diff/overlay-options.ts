import type { Mount } from "../core/mount.ts";

/** A directory of an overlay, and how its options write it. */
export interface OverlayLayer {
  path: string;
  escaped: string;
}

/** The directories that an overlay mount shows, the topmost first: its upper one, if it has one, and the lower ones. */
export function overlayLayers(mount: Mount): OverlayLayer[] {
  const upper = optionValue(mount, "upperdir");
  const layers = [...(upper === undefined ? [] : [upper.replaceAll(":", "\\:")]), ...lowerDirectories(mount)];
  return layers.map((escaped) => ({ path: unescaped(escaped), escaped }));
}

/** As the options write them, a colon in a name behind a backslash. */
export function lowerDirectories(mount: Mount): string[] {
  return optionValue(mount, "lowerdir")?.match(/(?:\\.|[^:\\])+/g) ?? [];
}

export function optionValue({ options }: Mount, key: string): string | undefined {
  return options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** Kernel, overlayfs.rst: colons and commas in directory names stand behind a backslash. */
export function unescaped(directory: string): string {
  return directory.replace(/\\(.)/g, "$1");
}
