import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";

export interface FrontRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
}

/** What is done to a request, in place of passing it on or somewhere in the middle of its body, or of its answer's. */
export type Trouble =
  | { status: number }
  /** The connections on both sides are broken after so many bytes. */
  | { breakAfterBytes: number }
  | { afterBytes: number; waitFor: Promise<unknown> };

export interface Front extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  /** Each request, with the bytes of its body that went on to the registry. */
  readonly seen: (FrontRequest & { bodyBytes: number; isEnded: boolean })[];
}

/** A proxy before a registry on loopback, as most registries have one, that makes trouble where it is told to. */
export async function startFront(
  port: number,
  judge: (request: FrontRequest) => Trouble | undefined,
): Promise<Front> {
  const seen: Front["seen"] = [];
  const server = createServer((asked, answer) => {
    const { method = "", url: path = "", headers, socket } = asked;
    const entry = { method, path, headers, bodyBytes: 0, isEnded: false };
    seen.push(entry);
    passOn(port, asked, answer, judge(entry), entry)
      .catch(() => socket.destroy())
      .finally(() => (entry.isEnded = true));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const own = (server.address() as { port: number }).port;
  return {
    host: `127.0.0.1:${own}`,
    url: `http://127.0.0.1:${own}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function passOn(
  port: number,
  asked: IncomingMessage,
  answer: ServerResponse,
  trouble: Trouble | undefined,
  entry: { bodyBytes: number },
): Promise<void> {
  if (trouble && "status" in trouble) {
    answer.writeHead(trouble.status, { connection: "close", "content-length": "0" }).end();
    return;
  }
  const { method, url: path, headers } = asked;
  const onward = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
  const answered = once(onward, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  try {
    const isUpload = method === "PUT" || method === "PATCH";
    await copy(asked, onward, isUpload ? trouble : undefined, (bytes) => (entry.bodyBytes = bytes));
    const [response] = await answered;
    answer.writeHead(response.statusCode ?? 500, response.headers);
    await copy(response, answer, isUpload ? undefined : trouble);
  } catch (error) {
    onward.destroy();
    throw error;
  }
}

type Sink = ClientRequest | ServerResponse;

async function copy(
  source: IncomingMessage,
  sink: Sink,
  trouble: Exclude<Trouble, { status: number }> | undefined,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  let bytes = 0;
  const write = (piece: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      sink.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  for await (const chunk of source as AsyncIterable<Buffer>) {
    const at = trouble && ("waitFor" in trouble ? trouble.afterBytes : trouble.breakAfterBytes);
    const isReached = at !== undefined && bytes < at && bytes + chunk.length >= at;
    const before = isReached ? chunk.subarray(0, at - bytes) : chunk;
    if (before.length > 0) await write(before);
    bytes += before.length;
    onBytes(bytes);
    if (!isReached) continue;
    if (trouble && "waitFor" in trouble) await trouble.waitFor;
    else throw new Error("broken on purpose");
    await write(chunk.subarray(before.length));
    bytes += chunk.length - before.length;
    onBytes(bytes);
  }
  sink.end();
}
