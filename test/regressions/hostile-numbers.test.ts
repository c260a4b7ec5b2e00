import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attack, openCanary } from "../support/canary.ts";
import { buildLayer } from "../support/image.ts";
import { type TarEntry, tarBytes } from "../support/tar-bytes.ts";
import { tempDir } from "../support/temp.ts";

/** Puts bytes into the header of the archive's first entry and makes its checksum right again. */
function withHeader(entry: TarEntry, ...patches: [at: number, bytes: Uint8Array][]): Uint8Array {
  const tar = Buffer.from(tarBytes([entry]));
  for (const [at, bytes] of patches) tar.set(bytes, at);
  tar.write("        ", 148, "latin1");
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

const base256 = (value: bigint, length: number) => {
  const bytes = Buffer.alloc(length);
  for (let at = length - 1, rest = value; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  bytes[0]! |= 0x80;
  return bytes;
};

async function refusal(tar: Uint8Array): Promise<string> {
  using dir = tempDir();
  const canary = openCanary(dir);
  const error = await attack(canary, [buildLayer(tar)]);
  assert.is(error?.code, "InvalidArgument", error?.message);
  assert.equal(readdirSync(canary.root), []);
  return error!.message;
}

test("device numbers beyond the kernel's are refused, not wrapped", async () => {
  for (const [at, value] of [
    [329, 4096n],
    [329, 2n ** 32n + 1n],
    [337, 2n ** 20n],
    [337, 2n ** 32n + 3n],
    [329, -1n],
  ] as const) {
    const entry: TarEntry = { path: "dev", type: "character-device", device: { major: 1, minor: 3 } };
    assert.match(await refusal(withHeader(entry, [at, base256(value, 8)])), /"dev".*device number/);
  }
});

test("negative and absurd sizes are refused", async () => {
  assert.match(await refusal(withHeader({ path: "f" }, [124, base256(-512n, 12)])), /"f".*negative size/);
  assert.match(
    await refusal(withHeader({ path: "f" }, [124, base256(2n ** 70n, 12)])),
    /"f".*number too large/,
  );
  assert.match(await refusal(tarBytes([{ path: "f", pax: { size: "-512" } }])), /"f".*number/);
  assert.match(
    await refusal(tarBytes([{ path: "f", pax: { size: "99999999999999999999" } }])),
    /"f".*number/,
  );
});

test("user and group IDs that the kernel would take for something else are refused", async () => {
  for (const id of ["4294967295", "4294967296", "18446744073709551615"]) {
    assert.match(
      await refusal(tarBytes([{ path: "f", type: "symlink", linkTarget: "x", pax: { uid: id } }]).slice()),
      /"f"/,
    );
    assert.match(await refusal(tarBytes([{ path: "f", type: "directory", pax: { gid: id } }])), /"f"/);
  }
});

test("an extended header of 10 GB is refused before a byte of it is kept", async () => {
  const before = process.memoryUsage.rss();
  const tar = withHeader(
    { path: "PaxHeaders/f" },
    [124, Buffer.from("112402762000")],
    [156, Buffer.from("x")],
  );
  assert.match(await refusal(tar), /extended header of 10000000000 bytes/);
  assert.ok(process.memoryUsage.rss() - before < 100 << 20);
});

test.run();
