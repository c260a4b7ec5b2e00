/** JSON lines over a socket of Bun's (node:net would add 1.4 MB to every supervisor). */

export interface LineSocket {
  /** Queues one line. */
  send(message: object): void;
  /** Settles when all that was sent is in the kernel's hands. */
  flushed(): Promise<void>;
  close(): void;
  readonly fd: number;
}

export interface LineHandlers {
  line(message: unknown, socket: LineSocket): void;
  closed(): void;
}

interface Connection extends LineSocket {
  data(bytes: Uint8Array): void;
  drain(): void;
  closed(): void;
}

type BunSocket = Bun.Socket<Connection>;

/** Handlers for Bun.listen and Bun.connect; each socket gets its own `LineHandlers`. */
export function lineSocketHandlers(open: (socket: LineSocket) => LineHandlers) {
  return {
    open(socket: BunSocket) {
      socket.data = createConnection(socket, open);
    },
    data: (socket: BunSocket, bytes: Uint8Array) => socket.data.data(bytes),
    drain: (socket: BunSocket) => socket.data.drain(),
    close: (socket: BunSocket) => socket.data?.closed(),
    error: (socket: BunSocket) => socket.data?.closed(),
  };
}

function createConnection(socket: BunSocket, open: (socket: LineSocket) => LineHandlers): Connection {
  let unsent = Buffer.alloc(0);
  let unread = "";
  let isClosed = false;
  let onFlushed: (() => void)[] = [];
  const decoder = new TextDecoder();

  const flush = () => {
    if (unsent.length > 0) unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
    if (unsent.length > 0 && !isClosed) return;
    for (const resolve of onFlushed.splice(0)) resolve();
  };
  const connection: Connection = {
    get fd() {
      return (socket as unknown as { fd: number }).fd;
    },
    send(message) {
      unsent = Buffer.concat([unsent, Buffer.from(`${JSON.stringify(message)}\n`)]);
      flush();
    },
    flushed() {
      if (unsent.length === 0 || isClosed) return Promise.resolve();
      return new Promise((resolve) => {
        onFlushed = [...onFlushed, resolve];
      });
    },
    close: () => void socket.end(),
    data(bytes) {
      unread += decoder.decode(bytes, { stream: true });
      const lines = unread.split("\n");
      unread = lines.pop() ?? "";
      for (const line of lines) handlers.line(JSON.parse(line), connection);
    },
    drain: flush,
    closed() {
      if (isClosed) return;
      isClosed = true;
      flush();
      handlers.closed();
    },
  };
  const handlers = open(connection);
  return connection;
}
