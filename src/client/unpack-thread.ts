/** What a thread runs that writes layers into trees: an entry point of its own, told its directories. */
import { workerData } from "node:worker_threads";
import { openBlobs } from "../content/index.ts";
import { openApplier } from "../diff/index.ts";
import { serveThread } from "../diff/serve-thread.ts";
import type { UnpackingDirectories } from "./unpacking-threads.ts";

const { root, mountPlaces } = workerData as UnpackingDirectories;

serveThread(openApplier({ content: openBlobs(root), mountPlaces }));
