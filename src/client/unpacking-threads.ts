import { availableParallelism } from "node:os";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { openThreads, type Threads } from "../diff/threads.ts";
import { isStandalone } from "./own-command.ts";

/** Each takes some 30 MB, and has a thread of zlib decompress for it. */
const MAX_THREADS = 2;

export interface UnpackingDirectories {
  /** State directory: the layers. */
  root: string;
  mountPlaces: string;
}

/** Threads that write layers of this state directory into trees; none runs before there is something to write. */
export function openUnpackingThreads(directories: UnpackingDirectories): Threads {
  // Within the executable every module is at its root, but for entry points: those have their places in the sources.
  const program = new URL(
    isStandalone() ? "./client/unpack-thread.ts" : "./unpack-thread.ts",
    import.meta.url,
  );
  const options: WorkerOptions & { smol: boolean } = { workerData: directories, smol: true };
  return openThreads(Math.min(availableParallelism(), MAX_THREADS), () => new Worker(program, options));
}
