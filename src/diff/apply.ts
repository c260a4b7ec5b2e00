import { closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../sys/open.ts";
import { readDirectoryBatch } from "../sys/read-directory.ts";
import { TarReader } from "../tar/reader.ts";
import { LayerTree } from "./layer-tree.ts";
import type { Target } from "./target.ts";
import { Unpacker } from "./unpacker.ts";
import { MadeEntries } from "./unpacking.ts";

/**
 * Writes the layer that `stream` holds into `target` (OCI image spec, layer.md) and takes the stream to its end,
 * which may be behind the archive's.
 */
export async function applyLayer(stream: AsyncIterable<Uint8Array>, target: Target): Promise<void> {
  using tree = new LayerTree(target.root, target.lowers);
  const made = new MadeEntries(isEmpty(tree));
  using unpacker = new Unpacker({ tree, whiteouts: target.whiteouts, made, lateTimes: [] });
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
