import { CtrError } from "../../core/errors.ts";
import { closeFd } from "../../sys/open.ts";
import { removeFile } from "../../sys/small-file.ts";
import { acceptNow, listenUnix, receiveMessage } from "../../sys/sockets.ts";

/** Where the runtime sends a terminal's master (runc's docs/terminals.md, "detached new terminal"). */
export interface ConsoleSocket {
  /** Relative to the working directory: the runtime too can only use short paths. */
  readonly path: string;
  /** The master, once the runtime has exited well: it is in the socket's queue by then. */
  receiveMaster(): number;
  close(): void;
}

const MESSAGE_BYTES_MAX = 4096;

export function openConsoleSocket(path: string): ConsoleSocket {
  const listenerFd = listenUnix(path);
  return {
    path,
    receiveMaster() {
      const connectionFd = acceptNow(listenerFd);
      if (connectionFd === undefined) throw noTerminal();
      try {
        const [master, ...others] = receiveMessage(connectionFd, MESSAGE_BYTES_MAX)?.fds ?? [];
        for (const fd of others) closeFd(fd);
        if (master === undefined) throw noTerminal();
        return master;
      } finally {
        closeFd(connectionFd);
      }
    },
    close() {
      closeFd(listenerFd);
      removeFile(path);
    },
  };
}

function noTerminal(): CtrError {
  return new CtrError("Unknown", "the OCI runtime sent no terminal");
}
