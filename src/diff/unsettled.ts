import { CtrError } from "../core/errors.ts";
import { type BytePath, parentOf, quotePath } from "./byte-path.ts";

/**
 * Directories, by their resolved paths, that a layer only implies and whose attributes depend on layers below that are
 * not there yet. What the layer says about them later would have to be joined with those: that needs the parents.
 */
export class Unsettled {
  readonly #known = new Set<BytePath>();
  readonly #above = new Set<BytePath>();

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  add(path: BytePath): void {
    this.#known.add(path);
    for (let up = parentOf(path); up !== "" && !this.#above.has(up); up = parentOf(up)) this.#above.add(up);
  }

  /** Throws FailedPrecondition when `path`, or something below it, is one of them. */
  refuse(path: BytePath): void {
    if (!this.#known.has(path) && !this.#above.has(path)) return;
    throw new CtrError("FailedPrecondition", `${quotePath(path)} needs the layers below`);
  }

  paths(): BytePath[] {
    return [...this.#known];
  }
}
