import { CtrError } from "../../core/errors.ts";
import type { OwnerMapping } from "../storage.ts";

export interface Owner {
  uid: number;
  gid: number;
}

/** Who owns, to the host, what a container with this mapping takes for its `owner`'s. Throws InvalidArgument. */
export function mappedOwner({ uid, gid }: Owner, { uidMaps, gidMaps }: OwnerMapping): Owner {
  return { uid: mappedId(uid, uidMaps), gid: mappedId(gid, gidMaps) };
}

function mappedId(id: number, maps: readonly string[]): number {
  for (const map of maps) {
    const [containerId = 0, hostId = 0, size = 0] = map.split(":").map(Number);
    if (id >= containerId && id < containerId + size) return hostId + id - containerId;
  }
  throw new CtrError("InvalidArgument", `id ${id}, the owner of the root filesystem, is in no mapping`);
}
