/** Lower-case hexadecimal digits, two for each random byte. By the global source: node:crypto takes 2 ms to import. */
export function randomHex(byteCount: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(byteCount))).toString("hex");
}
