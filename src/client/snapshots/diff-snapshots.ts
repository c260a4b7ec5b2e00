import type { Descriptor } from "../../core/descriptor.ts";
import type { CompareOptions } from "../../core/differ.ts";
import type { Mount } from "../../core/mount.ts";
import { collectInBackground } from "../collect.ts";
import { type WorkLease, withLease } from "../lease.ts";
import type { Client } from "../open.ts";
import { gcRootLabel } from "./gc-root.ts";
import { withReading } from "./read-snapshot.ts";
import { sourceDateEpoch } from "./source-date-epoch.ts";

export interface DiffOptions extends Pick<CompareOptions, "mediaType" | "ref" | "labels" | "signal"> {
  snapshotter?: string;
  /** Keeps the blob until it is deleted; else it goes unless something refers to it. */
  keep?: boolean;
}

/**
 * Makes the layer of what `to` changes of `from`, or of its own parent when there is no `to`: then `from` is what is
 * compared with it. `use` gets the blob's descriptor while the blob is sure to exist. Throws NotFound for a snapshot.
 */
export async function diffSnapshots<T>(
  client: Client,
  from: string,
  to: string | undefined,
  options: DiffOptions,
  use: (layer: Descriptor) => Promise<T>,
): Promise<T> {
  const snapshotter = await client.snapshotter(options.snapshotter);
  const { parent } = await snapshotter.stat(from);
  const [lower, upper] = to === undefined ? [parent, from] : [from, to];
  try {
    return await withLease(client, (lease) =>
      withReading(snapshotter, lower, lease, (lowerMounts) =>
        withReading(snapshotter, upper, lease, async (upperMounts) => {
          const layer = await compare(client, lowerMounts, upperMounts, lease, options);
          return use(layer);
        }),
      ),
    );
  } finally {
    if (!options.keep) collectInBackground(client);
  }
}

async function compare(
  client: Client,
  lower: readonly Mount[],
  upper: readonly Mount[],
  lease: WorkLease,
  { mediaType, ref, labels, keep, signal }: DiffOptions,
): Promise<Descriptor> {
  const differ = await client.differ();
  return differ.compare(lower, upper, {
    mediaType,
    ref,
    labels: { ...labels, ...(keep ? gcRootLabel() : {}) },
    sourceDateEpoch: sourceDateEpoch(),
    protect: (digest) => lease.protect({ type: "content", id: digest }),
    signal,
  });
}
