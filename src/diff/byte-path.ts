import type { Name } from "../sys/libc.ts";

/**
 * A path below a tree's root as a string with one character per byte, since Linux names are bytes of no encoding:
 * never absolute, without `.`, `..` and empty parts; the root itself is "".
 */
export type BytePath = string;

/** As containerd has it: absolute names and `..` are taken within the root, before any link is looked at. */
export function cleanPath(name: Uint8Array): BytePath {
  const raw = Buffer.from(name.buffer, name.byteOffset, name.length).toString("latin1");
  return cleanText(raw);
}

export function cleanText(raw: string): BytePath {
  if (!/^\.{0,2}\/|\/\/|\/\.{1,2}(\/|$)|\/$|^\.{1,2}$/.test(raw)) return raw;
  const parts: string[] = [];
  for (const part of raw.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

export function baseOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The same bytes as a system call takes them. */
export function asName(path: BytePath): Name {
  for (let at = 0; at < path.length; at++) {
    if (path.charCodeAt(at) > 0x7e) return Buffer.from(path, "latin1");
  }
  return path;
}

/** What `asName` came from. */
export function bytesOf(name: Name): BytePath {
  return (typeof name === "string" ? Buffer.from(name) : Buffer.from(name)).toString("latin1");
}

/** For messages: as UTF-8, in quotes. */
export function quotePath(path: BytePath): string {
  return quoteName(Buffer.from(path, "latin1"));
}

export function quoteName(name: Uint8Array): string {
  return JSON.stringify(Buffer.from(name).toString());
}
