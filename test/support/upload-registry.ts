import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What is done to a request in place of the usual. */
export interface Fault {
  /** After so many bytes of the body, which are kept; the whole body without it. */
  afterBytes?: number;
  /** Breaks the connection, or never answers. */
  end?: "reset" | "silence";
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface UploadRegistryOptions {
  /** Faults by method, each used once, in order; undefined for a request that goes well. */
  faults?: Partial<Record<"POST" | "PUT" | "PATCH" | "GET" | "HEAD", (Fault | undefined)[]>>;
  /** Refuses larger bodies with 413, before reading them. */
  mostBytes?: number;
  /** What `Location` says of an upload; its path by default. */
  location?: (path: string, port: number) => string | undefined;
  /** Of the answer that begins an upload. */
  beginHeaders?: Record<string, string>;
  /** 401 unless it likes the header; answers the challenge. */
  authorize?: (authorization: string | undefined, path: string) => string | undefined;
  /** Repositories from which blobs can be mounted. */
  mountable?: string[];
  /** Throws away what it gets, for bodies that do not fit in memory. */
  isSink?: boolean;
}

export interface SeenUpload {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  bodyBytes: number;
}

export interface UploadRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  readonly seen: SeenUpload[];
  /** What it has, by digest, and manifests by `NAME` too. */
  readonly stored: Map<string, Buffer>;
}

/** A registry in memory that keeps the rules of the OCI distribution spec for uploads, but for the faults it is told. */
export async function startUploadRegistry(options: UploadRegistryOptions = {}): Promise<UploadRegistry> {
  const registry = new FaultyRegistry(options);
  const server = createServer((request, response) => {
    registry.answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  registry.port = port;
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    seen: registry.seen,
    stored: registry.stored,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

class FaultyRegistry {
  port = 0;
  readonly seen: SeenUpload[] = [];
  readonly stored = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Buffer[]>();
  readonly #options: UploadRegistryOptions;

  constructor(options: UploadRegistryOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "", "http://x");
    const seen: SeenUpload = { method, path: request.url ?? "", headers, bodyBytes: 0 };
    this.seen.push(seen);
    const challenge = this.#options.authorize?.(headers.authorization, seen.path);
    if (challenge) return send(response, { status: 401, headers: { "www-authenticate": challenge } });
    const fault = this.#options.faults?.[method as "PUT"]?.shift();
    if (Number(headers["content-length"] ?? 0) > (this.#options.mostBytes ?? Infinity)) {
      return send(response, { status: 413, headers: { connection: "close" } });
    }
    const body = await this.#read(request, seen, fault?.afterBytes);
    if (!fault) return send(response, this.#serve(method, url, body));
    if (fault.afterBytes !== undefined) this.#uploads.get(url.pathname)?.push(body);
    if (fault.end === "reset") request.socket.resetAndDestroy();
    else if (fault.end !== "silence") await send(response, { status: 500, ...fault });
  }

  async #read(request: IncomingMessage, seen: SeenUpload, most = Infinity): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const piece = chunk.subarray(0, most - seen.bodyBytes) as Buffer;
      seen.bodyBytes += piece.length;
      if (!this.#options.isSink) chunks.push(piece);
      if (seen.bodyBytes >= most) break;
    }
    return Buffer.concat(chunks);
  }

  #serve(method: string, url: URL, body: Buffer): Reply {
    const { pathname } = url;
    if (pathname.includes("/manifests/")) return this.#manifest(method, pathname, body);
    if (method === "POST") return this.#begin(url);
    const upload = this.#uploads.get(pathname);
    if (!upload) {
      const isStored = this.stored.has(pathname.split("/").at(-1)!);
      return { status: isStored ? 200 : 404 };
    }
    upload.push(body);
    const range = { range: `0-${Math.max(0, upload.reduce((sum, { length }) => sum + length, 0) - 1)}` };
    if (method === "GET") return { status: 204, headers: { ...range, ...this.#locationOf(pathname) } };
    if (method === "PATCH") return { status: 202, headers: { ...range, ...this.#locationOf(pathname) } };
    const digest = url.searchParams.get("digest") ?? "";
    const whole = Buffer.concat(upload);
    this.#uploads.delete(pathname);
    if (!this.#options.isSink && digest !== `sha256:${createHash("sha256").update(whole).digest("hex")}`) {
      const words = JSON.stringify({ errors: [{ code: "DIGEST_INVALID", message: "digest did not match" }] });
      return { status: 400, body: words };
    }
    this.stored.set(digest, whole);
    return { status: 201, headers: { "docker-content-digest": digest } };
  }

  #begin({ searchParams, pathname }: URL): Reply {
    if (this.#options.mountable?.includes(searchParams.get("from") ?? "")) return { status: 201 };
    const path = `${pathname}${this.#uploads.size + 1}-${this.seen.length}`;
    this.#uploads.set(path, []);
    return { status: 202, headers: { ...this.#options.beginHeaders, ...this.#locationOf(path) } };
  }

  #locationOf(path: string): Record<string, string> {
    const { location = (own: string) => own } = this.#options;
    const value = location(path, this.port);
    return value === undefined ? {} : { location: value };
  }

  #manifest(method: string, path: string, body: Buffer): Reply {
    const name = path.split("/").at(-1)!;
    if (method !== "PUT") return { status: this.stored.has(name) ? 200 : 404 };
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    this.stored.set(digest, body).set(name, body);
    return { status: 201, headers: { "docker-content-digest": digest } };
  }
}

async function send(response: ServerResponse, { status, headers = {}, body = "" }: Reply): Promise<void> {
  response.writeHead(status, { "content-length": `${Buffer.byteLength(body)}`, ...headers }).end(body);
}
