/** What a thread runs that writes layers into trees: an entry point of its own, told the state directory. */
import { workerData } from "node:worker_threads";
import { openBlobs } from "../content/index.ts";
import { openApplier } from "../diff/index.ts";
import { serveThread } from "../diff/serve-thread.ts";

serveThread(openApplier({ content: openBlobs(workerData as string) }));
