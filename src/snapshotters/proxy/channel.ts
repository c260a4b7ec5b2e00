import type { Client, Metadata, ServiceError } from "@grpc/grpc-js";
import { loadMethods, type Method, type MethodName } from "./messages.ts";
import { asPluginError } from "./plugin-error.ts";

export interface ChannelOptions {
  /** The snapshotter's, as configured. */
  name: string;
  /** Path of a unix socket. */
  address: string;
}

export interface Call {
  method: MethodName;
  message: object;
  namespace: string;
  timeoutMs: number;
}

interface Connection {
  client: Client;
  newMetadata: () => Metadata;
  methods: (name: MethodName) => Method;
}

const MAX_MESSAGE_BYTES = 16 << 20;

/**
 * gRPC with one plugin. Nothing is loaded or connected before the first call. Calls throw what the plugin answers with
 * the matching code; Unavailable when nobody listens, or the plugin goes away before it answered; DeadlineExceeded
 * when it does not answer in time.
 */
export class Channel {
  readonly #options: ChannelOptions;
  #connection: Promise<Connection> | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  async ask({ method, message, namespace, timeoutMs }: Call): Promise<object> {
    const { client, newMetadata, methods } = await this.#connect();
    const { path, request, response } = methods(method);
    const metadata = withNamespace(newMetadata(), namespace);
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    client.makeUnaryRequest<object, object>(
      ...[path, request.encode, response.decode, message, metadata, within(timeoutMs)],
      (error, answer) => (error ? reject(this.#failure(error)) : resolve(answer!)),
    );
    return promise;
  }

  async *stream({ method, message, namespace, timeoutMs }: Call): AsyncGenerator<object> {
    const { client, newMetadata, methods } = await this.#connect();
    const { path, request, response } = methods(method);
    const metadata = withNamespace(newMetadata(), namespace);
    try {
      yield* client.makeServerStreamRequest<object, object>(
        ...[path, request.encode, response.decode, message, metadata, within(timeoutMs)],
      ) as AsyncIterable<object>;
    } catch (error) {
      throw this.#failure(error as ServiceError);
    }
  }

  /** An open connection keeps the process alive. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    (await connection)?.client.close();
  }

  #failure(error: ServiceError): Error {
    return asPluginError(this.#options.name, this.#options.address, error);
  }

  #connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<Connection> {
    const [{ Client, credentials, Metadata }, methods] = await Promise.all([
      import("@grpc/grpc-js"),
      loadMethods(),
    ]);
    const client = new Client(`unix:${this.#options.address}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    });
    return { client, newMetadata: () => new Metadata(), methods };
  }
}

function withNamespace(metadata: Metadata, namespace: string): Metadata {
  metadata.set("containerd-namespace", namespace);
  return metadata;
}

const within = (timeoutMs: number) => ({ deadline: Date.now() + timeoutMs });
