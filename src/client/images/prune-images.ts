import type { Client } from "../open.ts";

/** Deletes the records of all images that no container was made from, in one change, and answers their names. */
export async function pruneImages(client: Client): Promise<string[]> {
  const metadata = await client.metadata();
  const images = await client.images();
  const containers = await client.containers();
  return metadata.transaction(() => {
    const used = new Set(containers.list().map(({ image }) => image));
    const unused = images.list().filter(({ name }) => !used.has(name));
    for (const { name } of unused) images.delete(name);
    return unused.map(({ name }) => name);
  });
}
