import { connect } from "node:net";
import { connectionError, Stalled } from "./connection-errors.ts";
import { isProxied } from "./proxy.ts";

/**
 * Throws DeadlineExceeded or Unavailable unless a connection to the server can be made in that time, which fetch
 * cannot limit by itself. A proxy makes its own connections, so nothing is tried where there is one.
 */
export async function dial(url: URL, timeoutMs: number): Promise<void> {
  if (isProxied()) return;
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port });
  const timer = setTimeout(() => reject(new Stalled(`no connection in ${timeoutMs} ms`)), timeoutMs);
  socket.once("connect", resolve);
  socket.once("error", reject);
  try {
    await promise;
  } catch (cause) {
    throw connectionError(cause, "HEAD", url);
  } finally {
    clearTimeout(timer);
    socket.on("error", () => {});
    socket.destroy();
  }
}
