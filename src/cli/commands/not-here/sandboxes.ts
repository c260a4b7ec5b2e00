import { notHere } from "./not-here.ts";

export default notHere(
  "sandboxes",
  "there are no sandboxes",
  "let containers share namespaces with --with-ns",
);
