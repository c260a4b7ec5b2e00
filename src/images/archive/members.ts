import { type Digest, isDigest } from "../../core/digest.ts";
import { CtrError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";

/** The files of an OCI image layout (image-layout.md) and of a `docker save` archive that are no blobs. */
export const memberNames = {
  layout: "oci-layout",
  index: "index.json",
  manifests: "manifest.json",
} as const;

/** Linux's own limits are 255 bytes for a part and 4096 for a path; no image tool comes near. */
const MAX_NAME_BYTES = 512;

/**
 * A member's name with neither `./` nor slashes at its ends, as the members refer to each other. It is only ever
 * compared, never a path on disk. Throws InvalidArgument for an absolute name and for one with `..`.
 */
export function memberName(written: Buffer): string {
  const text = written.toString();
  if (written.length > MAX_NAME_BYTES || text.startsWith("/")) throw badName(text);
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw badName(text);
  return parts.join("/");
}

/** What a link means, from the archive's top. Throws InvalidArgument when that is outside. */
export function linkedName(linkName: string, written: Buffer, kind: "symlink" | "hardlink"): string {
  const target = written.toString();
  if (written.length > MAX_NAME_BYTES || target.startsWith("/")) throw badName(target);
  const parts = kind === "symlink" ? linkName.split("/").slice(0, -1) : [];
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw badName(target);
  }
  return parts.join("/");
}

/** `blobs/sha256/HEX` as the digest that it promises; undefined for any other name. */
export function digestOfMember(name: string): Digest | undefined {
  const [directory, algorithm, hex, ...rest] = name.split("/");
  if (directory !== "blobs" || rest.length > 0) return undefined;
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** Where a layout keeps a blob. */
export const memberOfDigest = (digest: Digest): string => `blobs/${digest.replace(":", "/")}`;

function badName(name: string): CtrError {
  return new CtrError("InvalidArgument", `archive entry ${quote(name)}: name outside of an archive`);
}
