import { notHere } from "./not-here.ts";

export default notHere(
  "shim",
  "tasks have no shims",
  "use ctr tasks, which needs no daemon to keep track of them",
);
