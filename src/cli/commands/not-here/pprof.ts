import { notHere } from "./not-here.ts";

export default notHere(
  "pprof",
  "there is no daemon to profile",
  "a task's supervisor writes its state into its log on SIGUSR1",
);
