import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import { digestOf } from "../../core/digester.ts";
import { CtrError, hasCode, withSubject } from "../../core/errors.ts";
import { randomHex } from "../../core/random.ts";
import type { Client } from "../open.ts";
import { withWorkspace } from "../workspace.ts";

/**
 * Gives `edit` a private file with a blob's bytes and stores what is in it afterwards as a new blob, whose digest is
 * answered; undefined, with nothing stored, when `edit` answers false. Throws NotFound, AlreadyExists when the content
 * store has the result, as it has when nothing was changed.
 */
export async function editContent(
  client: Client,
  digest: Digest,
  edit: (path: string) => Promise<boolean>,
): Promise<Digest | undefined> {
  const content = await client.content();
  return withWorkspace(client, async (directory) => {
    await using reader = await content.reader(digest);
    const path = join(directory, "content");
    writeFileSync(path, await reader.read(0, reader.size), { mode: 0o600 });
    if (!(await edit(path))) return undefined;
    // By its name: many editors put a new file in the place of the old one.
    return await ingest(client, readFileSync(path));
  });
}

async function ingest(client: Client, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  const content = await client.content();
  try {
    await using writer = await content.writer(`edit-${randomHex(8)}`, {
      expected: { digest },
      isOneOff: true,
    });
    await writer.write(bytes);
    return await writer.commit({ digest, size: bytes.length });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const exists = new CtrError("AlreadyExists", `blob with expected digest ${digest} exists`);
    throw withSubject("commit failed", exists);
  }
}
