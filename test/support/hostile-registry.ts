import { createServer, type Server, type Socket } from "node:net";

/** One answer of a scripted server, as it goes over the wire. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** Goes on with this chunk until the client ends the connection. */
  forever?: Uint8Array;
  /** After the body: a clean end (the default), a reset, or silence. */
  end?: "close" | "reset" | "silence";
  /** In place of all else, when the answer is none in HTTP. */
  raw?: string;
}

export interface SeenRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** Answers by request; a list is used up in order, its last answer stays. */
export type Script = Record<string, Answer | Answer[] | ((request: SeenRequest) => Answer)>;

export interface HostileRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  /** All requests so far, in order. */
  readonly seen: SeenRequest[];
  /** Bytes given to the kernel for sending. */
  sentBytes(): number;
}

/**
 * A server on loopback that does what its script says for `METHOD /path` (or `/path` for all methods), and answers
 * 404 to all else. It writes bytes itself: no HTTP library would misbehave as it must.
 */
export async function startHostileRegistry(script: Script): Promise<HostileRegistry> {
  const seen: SeenRequest[] = [];
  const used = new Map<string, number>();
  const sockets = new Set<Socket>();
  let sent = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sent += socket.bytesWritten;
      sockets.delete(socket);
    });
    readRequests(socket, (request) => {
      seen.push(request);
      const answer = choose(script, used, request);
      write(socket, answer, request.method === "HEAD");
    });
  });
  const port = await listen(server);
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    seen,
    sentBytes: () => sent + [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

function choose(script: Script, used: Map<string, number>, request: SeenRequest): Answer {
  const path = request.path.split("?")[0]!;
  const key = [`${request.method} ${path}`, path].find((name) => name in script);
  const found = key === undefined ? { status: 404 } : script[key]!;
  if (typeof found === "function") return found(request);
  if (!Array.isArray(found)) return found;
  const at = used.get(key!) ?? 0;
  used.set(key!, at + 1);
  return found[Math.min(at, found.length - 1)]!;
}

function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    for (;;) {
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const [first = "", ...lines] = text.slice(0, headEnd).split("\r\n");
      const headers = Object.fromEntries(
        lines.map((line) => [
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line.slice(line.indexOf(":") + 1).trim(),
        ]),
      );
      const bodyEnd = headEnd + 4 + Number(headers["content-length"] ?? 0);
      if (text.length < bodyEnd) return;
      const [method = "", path = ""] = first.split(" ");
      onRequest({ method, path, headers, body: text.slice(headEnd + 4, bodyEnd) });
      text = text.slice(bodyEnd);
    }
  });
}

function write(socket: Socket, answer: Answer, isHead: boolean): void {
  const { status = 200, headers = {}, body = "", forever, end, raw } = answer;
  if (raw !== undefined) {
    socket.end(raw);
    return;
  }
  const bytes = Buffer.from(body);
  const isChunked = headers["transfer-encoding"] === "chunked";
  const hasLength = isChunked || forever || Object.keys(headers).some((name) => name === "content-length");
  const all = hasLength ? headers : { ...headers, "content-length": `${bytes.length}` };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write([`HTTP/1.1 ${status} Whatever`, ...lines, "", ""].join("\r\n"));
  if (!isHead && bytes.length > 0) {
    if (isChunked) socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    if (isChunked) socket.write("\r\n");
  }
  if (forever && !isHead) flood(socket, forever);
  else if (end === "reset") socket.end(() => socket.resetAndDestroy());
  else if (end !== "silence" && isChunked && end === undefined) socket.write("0\r\n\r\n");
  else if (end === "close") socket.end();
}

function flood(socket: Socket, chunk: Uint8Array): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk)) {}
  };
  socket.on("drain", more);
  more();
}
