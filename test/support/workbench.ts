import { busyboxImage } from "./busybox-image.ts";
import { type Ctr, createCtr } from "./ctr.ts";
import type { BuiltImage } from "./image.ts";
import { pushImage } from "./push-image.ts";
import { type Registry, startRegistry } from "./registry.ts";
import { type TempDir, tempDir } from "./temp.ts";

/** A ctr with a state directory of its own and a registry that has a busybox image: what most users' first day needs. */
export interface Workbench extends AsyncDisposable {
  readonly directory: TempDir;
  readonly ctr: Ctr;
  readonly registry: Registry;
  /** The image's reference in full. */
  readonly image: string;
}

export interface WorkbenchOptions {
  /** The image in the registry; a plain busybox without it. */
  image?: BuiltImage;
  /** Whether ctr has pulled it already. */
  isPulled?: boolean;
}

export async function openWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(tempDir());
  const registry = cleanup.use(await startRegistry(directory.path));
  const ctr = cleanup.use(createCtr(directory.path));
  const image = await pushImage(options.image ?? busyboxImage(), registry, "library/busybox");
  if (options.isPulled ?? true) await ctr.ok("images", "pull", image);
  const kept = cleanup.move();
  return { directory, ctr, registry, image, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
