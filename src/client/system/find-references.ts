import type { NamedObject, ReferenceStep } from "../../core/collector.ts";
import { hasCode, ifPresent } from "../../core/errors.ts";
import { findImage } from "../images/images.ts";
import type { Client } from "../open.ts";

export interface FoundObject extends NamedObject {
  /** From what is kept for its own sake down to the thing; undefined when nothing keeps it. */
  chain?: ReferenceStep[];
}

/** Everything in the namespace that goes by that name, with what keeps it. */
export async function findReferences(client: Client, name: string): Promise<FoundObject[]> {
  const metadata = await client.metadata();
  const { namespace } = client;
  const { snapshots } = await metadata.holdings();
  const snapshotters = new Set(snapshots.filter(({ key }) => key === name).map((row) => row.snapshotter));
  const candidates: NamedObject[] = [
    { kind: "image", namespace, name: await imageName(client, name) },
    { kind: "container", namespace, name },
    { kind: "content", namespace, name },
    { kind: "lease", namespace, name },
    ...[...snapshotters].map((snapshotter) => ({ kind: "snapshot" as const, namespace, name, snapshotter })),
  ];
  const found: FoundObject[] = [];
  for (const object of candidates) {
    await ifPresent(async () => found.push({ ...object, chain: await metadata.whyKept(object) }));
  }
  return found;
}

/** In full, where it is a short name of one. */
async function imageName(client: Client, name: string): Promise<string> {
  try {
    return (await findImage(client, name)).name;
  } catch (error) {
    if (hasCode(error, "NotFound", "InvalidArgument")) return name;
    throw error;
  }
}
