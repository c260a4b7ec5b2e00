import { join } from "node:path";
import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import { compileFilters } from "../../core/filters.ts";
import { formatPlatform, hostPlatform } from "../../core/platform.ts";
import type { ProxyPlugin } from "../../snapshotters/proxy/index.ts";
import { mountPlaces } from "../mount-places.ts";
import type { Client } from "../open.ts";

/** A part of ctr, or of what it is configured to use, under containerd's name for its like. */
export interface PluginStatus {
  type: string;
  id: string;
  /** Types of the parts it is made of. */
  requires: string[];
  platforms: string[];
  /** What others may want to know of it: paths, addresses. */
  exports: Record<string, string>;
  /** `skip`: not for this machine or not for ctr, which harms nothing else. */
  status: "ok" | "skip" | "error";
  error?: CtrError;
}

type Part = Omit<PluginStatus, "status" | "error" | "requires" | "platforms" | "exports"> &
  Partial<Pick<PluginStatus, "requires" | "platforms" | "exports">> & {
    /** Throws what keeps it from working. */
    probe?: () => Promise<unknown>;
  };

const CONTENT = "io.containerd.content.v1";
const SNAPSHOTTER = "io.containerd.snapshotter.v1";
const METADATA = "io.containerd.metadata.v1";
/** A plugin that does not answer at once is not well. */
const PROBE_TIMEOUT_MS = 3000;

/**
 * All parts, each tried out, in the order in which they build on each other; plugins of the configuration last.
 * Filters are those of `ctr plugins list`: type and id. Throws InvalidArgument for a bad filter or configuration.
 */
export async function listPlugins(client: Client, filters: readonly string[]): Promise<PluginStatus[]> {
  const matches = compileFilters<Part>(filters, (part, [field, ...rest]) =>
    rest.length === 0 && (field === "type" || field === "id") ? part[field] : undefined,
  );
  const parts = [...(await builtInParts(client)), ...(await proxyParts(client))].filter(matches);
  return Promise.all(parts.map(tryOut));
}

async function builtInParts(client: Client): Promise<Part[]> {
  const { root } = client;
  const { snapshotterNames } = await import("../../snapshotters/index.ts");
  const platforms = [formatPlatform(hostPlatform())];
  const snapshotters = snapshotterNames.map((id) => ({
    ...{ type: SNAPSHOTTER, id, platforms, exports: { root: join(root, "snapshots", id) } },
    probe: async () =>
      (await import("../../snapshotters/probe.ts")).probeSnapshotter(id, {
        root,
        mountPlaces: mountPlaces(client),
      }),
  }));
  return [
    {
      ...{ type: CONTENT, id: "content", exports: { root: join(root, "content") } },
      probe: async () => (await client.content()).walk()[Symbol.asyncIterator]().next(),
    },
    ...snapshotters,
    {
      ...{ type: METADATA, id: "sqlite", requires: [CONTENT, SNAPSHOTTER] },
      ...{ exports: { path: join(root, "metadata.db") } },
      probe: () => client.metadata(),
    },
    { type: "io.containerd.differ.v1", id: "walking", requires: [METADATA], platforms },
    { type: "io.containerd.gc.v1", id: "collector", requires: [METADATA] },
    {
      ...{ type: "io.containerd.runtime.v2", id: "task", requires: [METADATA], platforms },
      exports: { state: client.state },
      probe: async () => (await import("../../runtime/runc.ts")).findRunc({}, client.state),
    },
  ];
}

async function proxyParts(client: Client): Promise<Part[]> {
  const { readProxyPlugins } = await import("../../snapshotters/proxy/index.ts");
  return (await readProxyPlugins(client.configFile)).map((plugin) => ({
    type: plugin.type === "snapshot" ? SNAPSHOTTER : `io.containerd.${plugin.type}.v1`,
    id: plugin.name,
    exports: { address: plugin.address },
    probe: () => probeProxy(plugin, client.namespace),
  }));
}

async function probeProxy(options: ProxyPlugin, namespace: string): Promise<void> {
  const { snapshotterNames } = await import("../../snapshotters/index.ts");
  const { Plugin } = await import("../../snapshotters/proxy/index.ts");
  const { name, type } = options;
  if (type !== "snapshot") {
    throw new CtrError("FailedPrecondition", `only plugins of type snapshot are used, not ${type}`);
  }
  if (snapshotterNames.includes(name)) {
    throw new CtrError("AlreadyExists", `snapshotter ${name}`, { hint: "the built-in one is used" });
  }
  const plugin = new Plugin(options, namespace);
  try {
    await ifPresent(() => plugin.stat("is anybody there", PROBE_TIMEOUT_MS));
  } finally {
    await plugin.close();
  }
}

async function tryOut({ probe, ...part }: Part): Promise<PluginStatus> {
  const listed = { requires: [], platforms: [], exports: {}, ...part };
  try {
    await probe?.();
    return { ...listed, status: "ok" };
  } catch (error) {
    if (!(error instanceof CtrError)) throw error;
    return { ...listed, status: hasCode(error, "FailedPrecondition") ? "skip" : "error", error };
  }
}
