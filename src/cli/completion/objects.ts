import type { Client } from "../../client/open.ts";
import { createContext } from "../context.ts";
import type { GlobalValues } from "../globals.ts";
import { signalNames } from "../signals.ts";
import type { Completion } from "./kinds.ts";

const PLATFORMS = ["386", "amd64", "arm/v6", "arm/v7", "arm64", "ppc64le", "riscv64", "s390x"];

/** Their names, as the state directory has them. Files are the shell's own business. */
export async function objectNames(of: Completion, globals: GlobalValues): Promise<readonly string[]> {
  if (typeof of !== "string") return of;
  if (of === "platforms") return PLATFORMS.map((architecture) => `linux/${architecture}`);
  if (of === "signals") return signalNames();
  if (of === "snapshotters") {
    const { snapshotterNames } = await import("../../client/snapshots/snapshotter-names.ts");
    return snapshotterNames(globals.config);
  }
  await using context = createContext(globals, new AbortController().signal);
  return await recordNames(of, await context.openClient());
}

async function recordNames(of: Exclude<Completion, readonly string[]>, client: Client): Promise<string[]> {
  switch (of) {
    case "containers":
      return (await client.containers()).list().map(({ id }) => id);
    case "images":
      return (await client.images()).list().map(({ name }) => name);
    case "leases":
      return (await client.leases()).list().map(({ id }) => id);
    case "namespaces":
      return (await client.namespaces()).list().map(({ name }) => name);
    case "tasks":
      return (await (await client.tasks()).list()).map(({ id }) => id);
    case "digests":
      return (await Array.fromAsync((await client.content()).walk())).map(({ digest }) => digest);
    case "snapshots":
      return (await Array.fromAsync((await client.snapshotter()).walk())).map(({ key }) => key);
    default:
      return [];
  }
}
