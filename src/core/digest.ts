import { CtrError } from "./errors.ts";
import { quote } from "./quote.ts";

/** `algorithm:hex`, checked by `parseDigest`: never a path separator, safe in a path or a URL. */
export type Digest = string & { readonly digest: unique symbol };

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Accepts the registered algorithms of the OCI image spec (descriptor.md, "Digests"); throws InvalidArgument. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(":");
  const hexLength = HEX_LENGTH[text.slice(0, colon)];
  const hex = text.slice(colon + 1);
  if (colon < 0 || hexLength !== hex.length || !/^[a-f0-9]+$/.test(hex)) {
    throw new CtrError("InvalidArgument", `invalid checksum digest format ${quote(text)}`);
  }
  return text as Digest;
}

export function isDigest(text: string): text is Digest {
  try {
    parseDigest(text);
    return true;
  } catch {
    return false;
  }
}

export function splitDigest(digest: Digest): { algorithm: string; hex: string } {
  const colon = digest.indexOf(":");
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) };
}
