import { closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../sys/open.ts";
import { readDirectoryBatch } from "../sys/read-directory.ts";
import { TarReader } from "../tar/reader.ts";
import { LayerTree } from "./layer-tree.ts";
import type { Target } from "./target.ts";
import { Unpacker } from "./unpacker.ts";
import { MadeEntries } from "./unpacking.ts";
import { Unsettled } from "./unsettled.ts";

/**
 * Writes the layer that `stream` holds into `target` (OCI image spec, layer.md) and takes the stream to its end, which
 * may be behind the archive's. Answers what is left unsettled. All is durable then, unless `leavesSync`.
 */
export async function applyLayer(
  stream: AsyncIterable<Uint8Array>,
  { root, lowers, whiteouts, isApart }: Target,
  leavesSync: boolean,
): Promise<readonly string[]> {
  using tree = new LayerTree(root, lowers);
  const made = new MadeEntries(isEmpty(tree));
  const unsettled = isApart ? new Unsettled() : undefined;
  using unpacker = new Unpacker({ tree, whiteouts, made, unsettled, lateTimes: [] });
  const reader = new TarReader();
  for await (const chunk of stream) {
    reader.push(chunk);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.kind === "data") unpacker.write(event.bytes, event.offset);
      else if (event.kind === "entry") unpacker.begin(event.header);
      else unpacker.end();
    }
  }
  reader.finish();
  unpacker.finish();
  if (!leavesSync) tree.sync();
  return unsettled?.paths() ?? [];
}

function isEmpty(tree: LayerTree): boolean {
  const fd = openAt(tree.rootFd, ".", O_RDONLY | O_DIRECTORY);
  try {
    const batch = readDirectoryBatch(fd);
    return batch === undefined || batch.length === 0;
  } finally {
    closeFd(fd);
  }
}
