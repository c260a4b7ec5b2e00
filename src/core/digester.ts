import { type Digest, splitDigest } from "./digest.ts";

/** What things are named by that come without a name (go-digest's `Canonical`). */
const CANONICAL = "sha256";

/** Hashes bytes as they come. By Bun's own hasher, as fast as Node's: importing node:crypto takes 2 ms of a command. */
export class Digester {
  readonly algorithm: string;
  readonly #hasher: Bun.CryptoHasher;

  /** By the algorithm of a digest that the bytes are to have. */
  constructor(like?: Digest) {
    this.algorithm = like ? splitDigest(like).algorithm : CANONICAL;
    this.#hasher = new Bun.CryptoHasher(this.algorithm as Bun.SupportedCryptoAlgorithms);
  }

  update(bytes: Uint8Array | string): this {
    this.#hasher.update(bytes);
    return this;
  }

  /** Of all that has come; to be asked once. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hasher.digest("hex")}` as Digest;
  }
}

/** By the algorithm of `like`, if the bytes are to have that digest. */
export function digestOf(bytes: Uint8Array | string, like?: Digest): Digest {
  return new Digester(like).update(bytes).digest();
}
