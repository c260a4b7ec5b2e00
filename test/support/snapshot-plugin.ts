import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Metadata, Server, ServerCredentials, type ServerWritableStream, status } from "@grpc/grpc-js";
import { CtrError, type ErrorCode, hasCode } from "../../src/core/errors.ts";
import { type Labels, labelNames } from "../../src/core/labels.ts";
import type { Mount } from "../../src/core/mount.ts";
import type { SnapshotInfo, Snapshotter } from "../../src/core/snapshotter.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { openSnapshotter } from "../../src/snapshotters/index.ts";
import { loadMethods, type MethodName } from "../../src/snapshotters/proxy/messages.ts";

export interface SnapshotPluginOptions {
  /** Path of its socket. */
  address: string;
  /** Where its overlayfs snapshots are. */
  root: string;
  database: string;
  /** Chain IDs that it has from elsewhere, as remote snapshotters do, with the files of that layer. */
  offers?: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Called before each answer: for plugins that fail or stall. */
  onCall?: (method: MethodName, request: Fields) => Promise<void> | void;
}

export interface SnapshotPlugin extends AsyncDisposable {
  readonly snapshotter: Snapshotter;
  /** Every call so far, with the namespace it came from. */
  readonly calls: { method: MethodName; namespace: string; request: Fields }[];
}

/** Any request's fields; absent ones have protobuf's default values. */
export interface Fields {
  key: string;
  name: string;
  parent: string;
  snapshotter: string;
  labels: Labels;
  filters: string[];
  info: { name: string; labels: Labels };
}

const STATUS: Partial<Record<ErrorCode, status>> = {
  NotFound: status.NOT_FOUND,
  AlreadyExists: status.ALREADY_EXISTS,
  InvalidArgument: status.INVALID_ARGUMENT,
  FailedPrecondition: status.FAILED_PRECONDITION,
  NotImplemented: status.UNIMPLEMENTED,
};

/** A real snapshot plugin: containerd's Snapshots service in front of an overlayfs snapshotter of its own. */
export async function startSnapshotPlugin(options: SnapshotPluginOptions): Promise<SnapshotPlugin> {
  const metadata = openMetadata(options.database);
  const records = metadata.snapshots("default", "overlayfs");
  const snapshotter = await openSnapshotter("overlayfs", { root: options.root, records });
  const calls: SnapshotPlugin["calls"] = [];
  const methods = await loadMethods();
  const answer = async (method: MethodName, request: Fields, sent: Metadata) => {
    const [namespace] = sent.get("containerd-namespace");
    calls.push({ method, namespace: String(namespace), request });
    await options.onCall?.(method, request);
    return handlers[method](snapshotter, request, options);
  };
  const server = new Server();
  const unary = Object.keys(handlers).filter((name) => name !== "List") as MethodName[];
  const definition = (name: MethodName, responseStream: boolean) => {
    const { path, request, response } = methods(name);
    return {
      ...{ path, requestStream: false, responseStream },
      ...{ requestSerialize: request.encode, requestDeserialize: request.decode },
      ...{ responseSerialize: response.encode, responseDeserialize: response.decode },
    };
  };
  server.addService(
    Object.fromEntries([
      ...unary.map((name) => [name, definition(name, false)]),
      ["List", definition("List", true)],
    ]),
    {
      ...Object.fromEntries(
        unary.map((name) => [
          name,
          (
            call: { request: Fields; metadata: Metadata },
            done: (error: object | null, value?: object) => void,
          ) => {
            answer(name, call.request, call.metadata).then(
              (value) => done(null, value),
              (error) => done(refusalOf(error)),
            );
          },
        ]),
      ),
      async List(call: ServerWritableStream<Fields, object>) {
        call.write(await answer("List", call.request, call.metadata));
        call.end();
      },
    },
  );
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`unix:${options.address}`, credentials, (error) => (error ? reject(error) : resolve()));
  });
  return {
    snapshotter,
    calls,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      metadata.close();
    },
  };
}

type Handler = (snapshotter: Snapshotter, request: Fields, options: SnapshotPluginOptions) => Promise<object>;

const handlers: Record<MethodName, Handler> = {
  async Prepare(snapshotter, { key, parent, labels }, { offers }) {
    const chainId = labels[labelNames.snapshotRef] ?? "";
    const files = offers?.get(chainId);
    if (files) await offer(snapshotter, chainId, parent, files);
    return mountsMessage(await snapshotter.prepare(key, parent, { labels }));
  },
  View: async (snapshotter, { key, parent, labels }) =>
    mountsMessage(await snapshotter.view(key, parent, { labels })),
  Mounts: async (snapshotter, { key }) => mountsMessage(await snapshotter.mounts(key)),
  async Commit(snapshotter, { name, key, labels }) {
    await snapshotter.commit(name, key, { labels });
    return {};
  },
  async Remove(snapshotter, { key }) {
    await snapshotter.remove(key);
    return {};
  },
  Stat: async (snapshotter, { key }) => ({ info: infoMessage(await snapshotter.stat(key)) }),
  async Update(snapshotter, { info: { name, labels } }) {
    const { labels: before } = await snapshotter.stat(name);
    const none = Object.fromEntries(Object.keys(before).map((label) => [label, ""]));
    return { info: infoMessage(await snapshotter.label(name, { ...none, ...labels })) };
  },
  List: async (snapshotter, { filters }) => ({
    info: (await Array.fromAsync(snapshotter.walk(filters))).map(infoMessage),
  }),
  async Usage(snapshotter, { key }) {
    const { sizeBytes, inodes } = await snapshotter.usage(key);
    return { size: sizeBytes, inodes };
  },
  async Cleanup() {
    throw new CtrError("NotImplemented", "cleanup");
  },
};

/** Commits it under a name of its own choice, and refuses what was asked for. */
async function offer(
  snapshotter: Snapshotter,
  chainId: string,
  parent: string,
  files: Readonly<Record<string, string>>,
): Promise<never> {
  const name = `remote ${chainId}`;
  try {
    await snapshotter.stat(name);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    const [mount] = await snapshotter.prepare(`${name} fetching`, parent);
    const upper = mount!.options.find((option) => option.startsWith("upperdir="))?.slice("upperdir=".length);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(upper ?? mount!.source, file), text);
    const labels = { [labelNames.snapshotRef]: chainId, "containerd.io/snapshot/remote": "yes" };
    await snapshotter.commit(name, `${name} fetching`, { labels });
  }
  throw new CtrError("AlreadyExists", `target snapshot ${chainId}`);
}

const mountsMessage = (mounts: readonly Mount[]) => ({ mounts });

function infoMessage({ key, parent, kind, labels, createdAt, updatedAt }: SnapshotInfo): object {
  const timestamp = (time: Date) => ({ seconds: Math.floor(time.getTime() / 1000) });
  return {
    name: key,
    parent,
    kind,
    labels,
    createdAt: timestamp(createdAt),
    updatedAt: timestamp(updatedAt),
  };
}

/** As containerd's errdefs.ToGRPC has it. */
function refusalOf(error: unknown): { code: status; details: string } {
  const code = error instanceof CtrError ? STATUS[error.code] : undefined;
  return { code: code ?? status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}
