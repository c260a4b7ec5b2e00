import { CtrError } from "../core/errors.ts";
import { type BytePath, quotePath } from "./byte-path.ts";

/**
 * Directories, by their resolved paths, that a layer only implies and whose attributes depend on layers below that are
 * not there yet. What the layer says about them later would have to be joined with those: that needs the parents.
 */
export class Unsettled {
  private readonly known = new Set<BytePath>();

  get isEmpty(): boolean {
    return this.known.size === 0;
  }

  add(path: BytePath): void {
    this.known.add(path);
  }

  /** Throws FailedPrecondition when `path`, or something below it, is one of them. */
  refuse(path: BytePath): void {
    for (const known of this.known) {
      if (known === path || known.startsWith(`${path}/`)) {
        throw new CtrError("FailedPrecondition", `${quotePath(path)} needs the layers below`);
      }
    }
  }

  paths(): BytePath[] {
    return [...this.known];
  }
}
